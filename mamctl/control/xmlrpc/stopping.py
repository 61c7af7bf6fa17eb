"""Stopping: these processes alone, as `mamctl stop` does; what depends on them runs on, as with supervisord."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mamctl.control.xmlrpc.faults import Code, Fault
from mamctl.control.xmlrpc.method import method
from mamctl.control.xmlrpc.program import (
    RUNNING,
    STOPPED,
    again,
    in_order,
    members,
    names,
    namespec,
    one_or_all,
    result,
    split,
    told_as,
)
from mamctl.control.xmlrpc.starting import LONGEST
from mamctl.core.errors import MamctlError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mamctl.control.xmlrpc.stack import Stack
    from mamctl.core.service import Service


@method("supervisor.stopProcess")
async def stop(stack: Stack, name: str, wait: bool = True) -> bool | list[Any]:  # noqa: FBT001, FBT002 - as clients call it
    """Stop a process: name, group:name or group:*; with `wait`, answer once nothing of it is left."""
    found = one_or_all(stack, name)
    if found is None:
        return await stop_group(stack, split(name)[0], wait)
    if told_as(found) not in RUNNING:
        raise Fault(Code.NOT_RUNNING, name)
    (fault,) = await _stop(stack, [found], wait=wait)
    if fault is not None:
        raise fault
    return True


@method("supervisor.stopProcessGroup")
async def stop_group(stack: Stack, name: str, wait: bool = True) -> list[Any]:  # noqa: FBT001, FBT002
    """Stop all processes of a group."""
    return await _stop_all(stack, members(stack, name), wait=wait)


@method("supervisor.stopAllProcesses")
async def stop_all(stack: Stack, wait: bool = True) -> list[Any]:  # noqa: FBT001, FBT002
    """Stop all processes; the supervisor stays."""
    return await _stop_all(stack, in_order(stack), wait=wait)


async def _stop_all(stack: Stack, found: Sequence[Service], *, wait: bool) -> list[Any]:
    running = [one for one in found if told_as(one) in RUNNING]
    faults = await _stop(stack, running, wait=wait)
    return [result(one, fault) for one, fault in zip(running, faults, strict=True)]


async def _stop(stack: Stack, found: Sequence[Service], *, wait: bool) -> list[Fault | None]:
    if not found:
        return []
    try:
        await stack.operator.stop(names(found), wait=None)
    except MamctlError as error:
        return [Fault(Code.FAILED, error.message)] * len(found)
    if not wait:
        return [None] * len(found)
    return await asyncio.gather(*(_came_of(stack, one) for one in found))


async def _came_of(stack: Stack, before: Service) -> Fault | None:
    def over() -> bool:
        now = again(stack, before)
        return now is None or told_as(now) in STOPPED

    if await stack.until(over, LONGEST):
        return None
    return Fault(Code.FAILED, f"{namespec(before.spec)} has not ended yet")
