"""Starting: what `mamctl start` does, without reading the manifest again; supervisord has `update` for that.

supervisord answers once a process is RUNNING: here it is ready then. One that fails its first attempt is told as a
fault at once, though it is tried again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from mamctl.control.xmlrpc.faults import Code, Fault
from mamctl.control.xmlrpc.method import method
from mamctl.control.xmlrpc.program import (
    RUNNING,
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
from mamctl.core.errors import MamctlError
from mamctl.core.outcome import is_blocked
from mamctl.core.states import Reason, State
from mamctl.core.supervisord_states import ProcessState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mamctl.control.xmlrpc.stack import Stack
    from mamctl.core.service import Service

# Whoever waits is answered within this many seconds; what was begun goes on.
LONGEST: Final = 3600.0
_BY_REASON: Final = {
    Reason.COMMAND_NOT_FOUND: Code.NO_FILE,
    Reason.SPAWN_FAILED: Code.SPAWN_ERROR,
    Reason.PORT_TAKEN: Code.SPAWN_ERROR,
}


@method("supervisor.startProcess")
async def start(stack: Stack, name: str, wait: bool = True) -> bool | list[Any]:  # noqa: FBT001, FBT002 - as clients call it
    """Start a process: name, group:name or group:*; with `wait`, answer once it is ready."""
    found = one_or_all(stack, name)
    if found is None:
        # As supervisord does: the results are those of the group.
        return await start_group(stack, split(name)[0], wait)
    if told_as(found) in RUNNING:
        raise Fault(Code.ALREADY_STARTED, name)
    (fault,) = await _start(stack, [found], wait=wait)
    if fault is not None:
        raise fault
    return True


@method("supervisor.startProcessGroup")
async def start_group(stack: Stack, name: str, wait: bool = True) -> list[Any]:  # noqa: FBT001, FBT002
    """Start all processes of a group."""
    return await _start_all(stack, members(stack, name), wait=wait)


@method("supervisor.startAllProcesses")
async def start_all(stack: Stack, wait: bool = True) -> list[Any]:  # noqa: FBT001, FBT002
    """Start all processes, also those that do not start by themselves."""
    return await _start_all(stack, in_order(stack), wait=wait)


async def _start_all(stack: Stack, found: Sequence[Service], *, wait: bool) -> list[Any]:
    idle = [one for one in found if told_as(one) not in RUNNING]
    faults = await _start(stack, idle, wait=wait)
    return [result(one, fault) for one, fault in zip(idle, faults, strict=True)]


async def _start(stack: Stack, found: Sequence[Service], *, wait: bool) -> list[Fault | None]:
    if not found:
        return []
    try:
        await stack.operator.start(names(found), wait=None, reread=False)
    except MamctlError as error:
        return [Fault(Code.FAILED, error.message)] * len(found)
    return await asyncio.gather(*(_came_of(stack, one, LONGEST if wait else 0.0) for one in found))


async def _came_of(stack: Stack, before: Service, seconds: float) -> Fault | None:
    """Wait so long for what becomes of a start. Without waiting, only what failed at once is told."""
    settled = await stack.until(lambda: _settled(stack, before), seconds)
    now = again(stack, before)
    if now is None:
        return Fault(Code.BAD_NAME, namespec(before.spec))
    if not settled:
        late = f"{namespec(now.spec)} is not ready yet; its start goes on"
        return Fault(Code.FAILED, late) if seconds else None
    return _fault(stack, now)


def _settled(stack: Stack, before: Service) -> bool:
    now = again(stack, before)
    if now is None or told_as(now) not in (ProcessState.STARTING, ProcessState.STOPPING):
        return True
    return is_blocked(now, stack.programs.services)


def _fault(stack: Stack, now: Service) -> Fault | None:
    """Return what is wrong with one that has settled."""
    if told_as(now) is ProcessState.RUNNING or now.state is State.COMPLETED or now.resting:
        return None
    code = _BY_REASON.get(now.reason, Code.ABNORMAL_TERMINATION) if now.reason else Code.ABNORMAL_TERMINATION
    why: str = stack.programs.hide(now.detail or now.state.value)
    return Fault(code, f"{namespec(now.spec)} ({why})")
