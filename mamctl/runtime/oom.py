"""Whether the kernel killed for want of memory: its own count of such kills.

The kernel tells an ordinary process neither whom it kills nor why; the exit says SIGKILL, as if somebody had sent it.
But it counts (`oom_kill` in /proc/vmstat, for the whole machine and every container). So: killed by a SIGKILL that is
not ours, and the count rose a moment ago by a kill that explains no other exit yet.
"""

from __future__ import annotations

VMSTAT = "/proc/vmstat"


class OomCount:
    """The kills that explain no exit of ours yet. They are forgotten after one to two ticks: they were others'."""

    def __init__(self, path: str = VMSTAT) -> None:
        self._path = path
        # What is explained or too old, and what is too old at the next tick.
        self._settled = self._last = self._count()

    def claim(self) -> bool:
        """Tell whether a process that was just killed was killed by the kernel; each kill explains one."""
        if self._count() <= self._settled:
            return False
        self._settled += 1
        return True

    def tick(self) -> None:
        """Forget the kills from before the last tick."""
        self._settled, self._last = max(self._settled, self._last), self._count()

    def _count(self) -> int:
        """Return the kernel's count since its start; 0 where it does not count."""
        try:
            with open(self._path, "rb") as file:
                _, found, rest = (b"\n" + file.read()).partition(b"\noom_kill ")
        except OSError:
            return 0
        return int(rest.split()[0]) if found else 0
