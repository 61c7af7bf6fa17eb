"""The states that supervisord knows, and which of them each of ours is told as.

Tools made for supervisord see a service in one of eight states. Ours are finer in one place (ready and unhealthy are
both running) and say another thing in a second one: `failed` is told as FATAL, for nothing starts it again by itself,
but as EXITED when a process that is not to be started again simply ended badly (`restart: never`, or a task).
"""

from __future__ import annotations

from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from mamctl.core.states import Reason, State

if TYPE_CHECKING:
    from collections.abc import Mapping


class ProcessState(IntEnum):
    """What supervisord says of a process: its number and, as `name`, its word."""

    STOPPED = 0
    STARTING = 10
    RUNNING = 20
    BACKOFF = 30
    STOPPING = 40
    EXITED = 100
    FATAL = 200
    UNKNOWN = 1000


TOLD_AS: Final[Mapping[State, ProcessState]] = MappingProxyType({
    State.STOPPED: ProcessState.STOPPED,
    State.WAITING: ProcessState.STARTING,
    State.STARTING: ProcessState.STARTING,
    State.READY: ProcessState.RUNNING,
    State.UNHEALTHY: ProcessState.RUNNING,
    State.BACKOFF: ProcessState.BACKOFF,
    State.STOPPING: ProcessState.STOPPING,
    State.COMPLETED: ProcessState.EXITED,
    State.FAILED: ProcessState.FATAL,
})  # fmt: skip

# What a reason changes about it: nothing runs of a task that waits for its time; somebody is still looked for.
BECAUSE: Final[Mapping[tuple[State, Reason], ProcessState]] = MappingProxyType({
    (State.WAITING, Reason.SCHEDULED): ProcessState.STOPPED,
    (State.WAITING, Reason.ABSENT): ProcessState.BACKOFF,
    (State.FAILED, Reason.EXITED): ProcessState.EXITED,
    (State.FAILED, Reason.KILLED): ProcessState.EXITED,
    (State.FAILED, Reason.OOM): ProcessState.EXITED,
    (State.FAILED, Reason.UNSUPERVISED_EXIT): ProcessState.EXITED,
})  # fmt: skip


def process_state(state: State, reason: Reason | None = None, *, task: bool = False) -> ProcessState:
    """Return what supervisord would call a state of ours. A task runs as soon as it has begun: it never gets ready."""
    if task and state is State.STARTING:
        return ProcessState.RUNNING
    if reason is not None and (state, reason) in BECAUSE:
        return BECAUSE[state, reason]
    return TOLD_AS[state]
