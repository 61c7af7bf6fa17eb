"""One incarnation of a service: a process that we started, or adopted, and its group.

The leader is signalled and reaped only here. While it is not reaped its pid, and so the number of its group, cannot
be given to anybody else: that is why the group is signalled before the leader is reaped, never after. One that was
adopted is the guardian's child, who reaps it on our word; or nobody's whom we know, and then the kernel is asked.
"""

from __future__ import annotations

import os
import select
import signal
from typing import TYPE_CHECKING, NamedTuple

from mamctl.runtime.processes import read, wait_status
from mamctl.runtime.processes.pinned import NONE, unpin
from mamctl.runtime.processes.stat import DEAD

if TYPE_CHECKING:
    from collections.abc import Callable

    from mamctl.core.manifest.model import ServiceSpec
    from mamctl.runtime.cgroups import Group
    from mamctl.runtime.launcher import Launched


class Ended(NamedTuple):
    """How a process ended: its code, or the number of the signal."""

    code: int | None
    signal: int | None


class Incarnation:
    """A process of ours from its spawn to the moment when nothing is left of it.

    `control`: its control group, once it is in one. `asked_at`: when it was first asked to stop. `killed`: we
    sent KILL. `emptied`: nothing is left.
    """

    def __init__(
        self,
        spec: ServiceSpec,
        generation: int,
        instance: str,
        launched: Launched,
        *,
        ask: Callable[[int], int | None] | None = None,
    ) -> None:
        """Know a process. `ask` reaps one that is not our own child, if it can, and returns its wait status."""
        self.spec = spec
        self._ask = ask
        self.generation = generation
        self.instance = instance
        self.pid, self.pidfd = launched
        self.reaped = False
        # Without a descriptor, the start time tells an adopted process from a successor of its number.
        row = read(self.pid) if ask is not None and self.pidfd == NONE else None
        self._started = row.start_ticks if row is not None else None
        self.control: Group | None = None
        self.asked_at: float | None = None
        self.killed = False
        self.emptied = False

    @property
    def adopted(self) -> bool:
        """Whether another supervisor started it, so that its processes are no children of ours."""
        return self._ask is not None

    def send(self, signum: int) -> None:
        """Signal the whole group, and wake it: a stopped process would not see the signal."""
        if self.reaped or (self.adopted and self._is_gone()):
            return
        self.killed = self.killed or signum == signal.SIGKILL
        for number in (signum, signal.SIGCONT):
            try:
                os.killpg(self.pid, number)
            except (ProcessLookupError, PermissionError):
                return

    def reap(self) -> Ended | None:
        """Collect the exit, or None when it has not ended. What is left of the group gets the stop signal first.

        Its descriptor is still open: whoever listens to it has to leave it before it is closed (`release`).
        """
        if self._ask is not None:
            return self._learn(self._ask)
        found = self._wait(os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is None:
            return None
        self.send(self.spec.stop.signal)
        self._wait(os.WEXITED | os.WNOHANG)
        self.reaped = True
        return found

    def release(self) -> None:
        """Close its descriptor."""
        unpin(self.pidfd)

    def group_exists(self) -> bool:
        """Tell whether anybody is left in the group (a zombie counts until it is reaped)."""
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def _learn(self, ask: Callable[[int], int | None]) -> Ended | None:
        """Collect the exit of one that is not our child."""
        if not self._has_ended():
            return None
        row = read(self.pid)
        if row is not None and row.ppid == os.getppid():
            # Our parent, the guardian, keeps the dead leader until we ask.
            self.send(self.spec.stop.signal)
        status = ask(self.pid)
        if status is None:
            status = wait_status(self.pidfd, self.pid)
        self.reaped = True
        return ended(status)

    def _has_ended(self) -> bool:
        if self.pidfd == NONE:
            row = read(self.pid)
            return row is None or row.state in DEAD or row.start_ticks != self._started
        ears = select.poll()
        ears.register(self.pidfd, select.POLLIN)
        return bool(ears.poll(0))

    def _is_gone(self) -> bool:
        """Tell whether somebody else reaped it: then its number may be a stranger's."""
        if self.pidfd == NONE:
            row = read(self.pid)
            return row is None or row.start_ticks != self._started
        try:
            signal.pidfd_send_signal(self.pidfd, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False

    def _wait(self, options: int) -> Ended | None:
        try:
            # A child of ours keeps its number until it is reaped, so that it may stand for the process.
            by, number = (os.P_PID, self.pid) if self.pidfd == NONE else (os.P_PIDFD, self.pidfd)
            status = os.waitid(by, number, options)
        except ChildProcessError:
            return Ended(None, None)
        if status is None:
            return None
        if status.si_code == os.CLD_EXITED:
            return Ended(status.si_status, None)
        return Ended(None, status.si_status)


def ended(status: int | None) -> Ended:
    """Read a wait status; None: nobody knows it."""
    if status is None:
        return Ended(None, None)
    if os.WIFSIGNALED(status):
        return Ended(None, os.WTERMSIG(status))
    return Ended(os.waitstatus_to_exitcode(status), None)
