"""One incarnation of a service: a process that we started, and its group.

The leader is signalled and reaped only here. While it is not reaped its pid, and so the number of its group, cannot
be given to anybody else: that is why the group is signalled before the leader is reaped, never after.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mamctl.core.manifest.model import ServiceSpec
    from mamctl.runtime.launcher import Launched


class Ended(NamedTuple):
    """How a process ended: its code, or the number of the signal."""

    code: int | None
    signal: int | None


class Incarnation:
    """A process of ours from its spawn to the moment when nothing is left of it."""

    def __init__(self, spec: ServiceSpec, generation: int, instance: str, launched: Launched) -> None:
        self.spec = spec
        self.generation = generation
        self.instance = instance
        self.pid, self.pidfd = launched
        self.reaped = False

    def send(self, signum: int) -> None:
        """Signal the whole group, and wake it: a stopped process would not see the signal."""
        if self.reaped:
            return
        for number in (signum, signal.SIGCONT):
            try:
                os.killpg(self.pid, number)
            except (ProcessLookupError, PermissionError):
                return

    def reap(self) -> Ended | None:
        """Collect the exit, or None when it has not ended. What is left of the group gets the stop signal first."""
        found = self._wait(os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is None:
            return None
        self.send(self.spec.stop.signal)
        self._wait(os.WEXITED | os.WNOHANG)
        self.reaped = True
        os.close(self.pidfd)
        return found

    def group_exists(self) -> bool:
        """Tell whether anybody is left in the group (a zombie counts until it is reaped)."""
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def _wait(self, options: int) -> Ended | None:
        try:
            status = os.waitid(os.P_PIDFD, self.pidfd, options)
        except ChildProcessError:
            return Ended(None, None)
        if status is None:
            return None
        if status.si_code == os.CLD_EXITED:
            return Ended(status.si_status, None)
        return Ended(None, status.si_status)
