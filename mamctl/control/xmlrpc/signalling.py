"""Signals: to the main process of a service, as `mamctl signal` sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mamctl.control.xmlrpc.faults import Code, Fault
from mamctl.control.xmlrpc.method import method
from mamctl.control.xmlrpc.program import SIGNALLABLE, in_order, members, namespec, one_or_all, result, split, told_as
from mamctl.core.errors import MamctlError, NotRunningError
from mamctl.core.manifest.findings import Invalid
from mamctl.core.manifest.signals import signal_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mamctl.control.xmlrpc.stack import Stack
    from mamctl.core.service import Service


@method("supervisor.signalProcess")
async def signal(stack: Stack, name: str, signal: str | int) -> bool | list[Any]:
    """Send a signal, by name or number, to a process: name, group:name or group:*."""
    found = one_or_all(stack, name)
    if found is None:
        return await signal_group(stack, split(name)[0], signal)
    number = _number(signal)
    if told_as(found) not in SIGNALLABLE:
        raise Fault(Code.NOT_RUNNING, name)
    _send(stack, found, number)
    return True


@method("supervisor.signalProcessGroup")
async def signal_group(stack: Stack, name: str, signal: str | int) -> list[Any]:
    """Send a signal to all processes of a group."""
    return _send_all(stack, members(stack, name), signal)


@method("supervisor.signalAllProcesses")
async def signal_all(stack: Stack, signal: str | int) -> list[Any]:
    """Send a signal to all processes."""
    return _send_all(stack, in_order(stack), signal)


def _send_all(stack: Stack, found: Sequence[Service], signal: str | int) -> list[Any]:
    told = []
    for one in found:
        if told_as(one) not in SIGNALLABLE:
            continue
        try:
            _send(stack, one, _number(signal))
        except Fault as fault:
            told.append(result(one, fault))
        else:
            told.append(result(one))
    return told


def _send(stack: Stack, found: Service, number: int) -> None:
    try:
        stack.operator.signal([found.name], number)
    except NotRunningError as error:
        raise Fault(Code.NOT_RUNNING, f"{namespec(found.spec)} ({error.message})") from None
    except MamctlError as error:
        raise Fault(Code.FAILED, error.message) from None


def _number(signal: str | int) -> int:
    try:
        return signal_number(signal)
    except Invalid:
        raise Fault(Code.BAD_SIGNAL, str(signal)[:40]) from None
