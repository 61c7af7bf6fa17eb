"""The namespace `system`: which methods there are, and several calls in one request."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

from mamctl.control.xmlrpc.faults import Code, Fault
from mamctl.control.xmlrpc.method import METHODS, Method, call, method
from mamctl.control.xmlrpc.writing import fault_struct, size

if TYPE_CHECKING:
    from mamctl.control.xmlrpc.stack import Stack

logger = logging.getLogger("mamctl")
MOST_CALLS: Final = 500
# Characters that the answers of one request may have together, about.
MOST_TEXT: Final = 1 << 24


@method("system.listMethods")
async def list_methods(_stack: Stack) -> list[Any]:
    """Name all methods."""
    return sorted(METHODS)


@method("system.methodHelp")
async def method_help(_stack: Stack, name: str) -> str:
    """Tell what a method does."""
    return _known(name).help


@method("system.methodSignature")
async def method_signature(_stack: Stack, name: str) -> list[Any]:
    """Tell what a method gives, and then what it takes."""
    return _known(name).signature


@method("system.multicall")
async def multicall(stack: Stack, calls: list[Any]) -> list[Any]:
    """Make several calls, one after the other; each gives its result, or a struct with its fault."""
    if len(calls) > MOST_CALLS:
        raise Fault(Code.INCORRECT_PARAMETERS, f"at most {MOST_CALLS} calls at a time")
    results: list[Any] = []
    left = MOST_TEXT
    for wish in calls:
        try:
            found = await _one(stack, wish) if left > 0 else _too_much()
        except Fault as fault:
            found = fault_struct(fault)
        left -= size(found)
        results.append(found)
        # Many methods never wait for anything: between two of them the others have their turn.
        await asyncio.sleep(0)
    return results


async def _one(stack: Stack, wish: Any) -> Any:
    name, params = (wish.get("methodName"), wish.get("params", [])) if isinstance(wish, dict) else (None, [])
    if not isinstance(name, str) or not isinstance(params, list):
        raise Fault(Code.INCORRECT_PARAMETERS, "No methodName")
    if name == "system.multicall":
        raise Fault(Code.INCORRECT_PARAMETERS, "Recursive system.multicall forbidden")
    return await guarded(stack, name, params)


async def guarded(stack: Stack, name: str, params: list[Any]) -> Any:
    """Call a method; a defect of ours is a fault like any other, and is told in our log. Raises Fault."""
    if stack.operator.downing and name.startswith("supervisor.") and name in METHODS:
        raise Fault(Code.SHUTDOWN_STATE)
    try:
        return await call(stack, name, params)
    except Fault:
        raise
    except Exception:
        logger.exception("XML-RPC %s", name)
        raise Fault(Code.FAILED, "the supervisor has a defect: look at logs/mamctl.log") from None


def _known(name: str) -> Method:
    found = METHODS.get(name)
    if found is None:
        raise Fault(Code.SIGNATURE_UNSUPPORTED)
    return found


def _too_much() -> Any:
    raise Fault(Code.FAILED, "the answers before this one are large enough: ask again for the rest")
