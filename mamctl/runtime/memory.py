"""Services with a memory limit that no kernel watches over: counted once a second, only while there are such.

Counting is cheap first: resident pages, of which each process counts those it shares as its own. Only a service that
seems to be over its limit is counted exactly (PSS: a page that ten share is a tenth of each), in a thread, because the
kernel walks all its pages for that.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mamctl.runtime.processes import PAGE, read

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from mamctl.runtime.incarnation import Incarnation

SECONDS = 1.0
# Counting exactly may take this part of one core's time.
SHARE = 0.02


class MemoryWatch:
    """Counts the memory of limited services. `over` is called with one that uses more than it may, and how much."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        group: asyncio.TaskGroup,
        *,
        alive: Callable[[], Iterable[Incarnation]],
        family: Callable[[Incarnation], list[int]],
        over: Callable[[Incarnation, int], None],
    ) -> None:
        self._loop = loop
        self._group = group
        self._alive = alive
        self._family = family
        self._over = over
        self._timer: asyncio.TimerHandle | None = None
        self._counting: dict[str, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """Look at the services from now on, if one has a limit."""
        if self._timer is None and self._watched():
            self._timer = self._loop.call_later(SECONDS, self._look)

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._counting.values():
            task.cancel()

    def _watched(self) -> list[tuple[Incarnation, int]]:
        limits = [(found, found.spec.limits.memory) for found in self._alive()]
        return [
            (found, limit)
            for found, limit in limits
            if limit is not None and not (found.control is not None and found.control.limited)
        ]

    def _look(self) -> None:
        self._timer = None
        for found, limit in self._watched():
            pids = self._family(found)
            if found.instance not in self._counting and resident(pids) > limit:
                self._counting[found.instance] = self._group.create_task(self._count(found, pids, limit))
        self.wake()

    async def _count(self, found: Incarnation, pids: Collection[int], limit: int) -> None:
        """Count exactly; who is within the limit then is not counted again for a while, so that it costs little."""
        began = self._loop.time()
        try:
            used = await asyncio.to_thread(proportional, pids)
            if used > limit:
                self._over(found, used)
                return
            await asyncio.sleep((self._loop.time() - began) / SHARE)
        finally:
            del self._counting[found.instance]


def resident(pids: Collection[int]) -> int:
    """Return the bytes that these processes have in memory; what they share is counted for each."""
    rows = map(read, pids)
    return sum(row.rss_pages for row in rows if row is not None) * PAGE


def proportional(pids: Collection[int]) -> int:
    """Return the bytes that these processes have in memory; what several share is counted once among them."""
    return sum(_share(pid) for pid in pids)


def _share(pid: int) -> int:
    """Return a process's part; all that it has where the kernel does not say, or not to us."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            _, found, rest = file.read().partition(b"\nPss:")
    except OSError:
        found, rest = b"", b""
    return int(rest.split()[0]) * 1024 if found else resident([pid])
