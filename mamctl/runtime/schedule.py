"""The wall clock of scheduled tasks: tells the core when each runs next, and when it is time.

Looked at when the next time comes, and every `LOOK_SECONDS`, because a wall clock can be set and a machine can sleep:

    the clock is              then
    ----------------------    --------------------------------------------------------------------------------------
    as expected               it is time: `Due`
    far ahead, or we slept    what lies between was missed: it is counted, told once and not made up for; a time that
                              is less than `LATE_SECONDS` ago still counts
    set back                  times that were there before do not count again; by more than three hours (`SET_BACK`)
                              it was wrong before, and they do
"""

from __future__ import annotations

import time
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Final

from mamctl.core.dataclass import dataclass
from mamctl.core.events import Due, Planned
from mamctl.runtime.calendar import next_time, spoken, times_after

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from mamctl.core.actions import Follow
    from mamctl.core.manifest.schedules import Schedule

LOOK_SECONDS: Final = 20.0
LATE_SECONDS: Final = 30.0
SET_BACK: Final = 3 * 3600.0
MOST_MISSED: Final = 1000
"""So many missed runs are counted, and no more."""


@dataclass(slots=True)
class _Followed:
    """A schedule, its next time, and the last one that was told; seconds since 1970."""

    schedule: Schedule
    next: float
    told: float | None = None


class Schedules:
    """Follows the schedules of tasks. `wall` is the clock that people read, in seconds since 1970."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        post: Callable[[Planned | Due], None],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._loop = loop
        self._post = post
        self.wall = wall
        self._followed: dict[str, _Followed] = {}
        self._timer: asyncio.TimerHandle | None = None

    def follow(self, action: Follow) -> None:
        """Follow a task's schedule from now on, or no more."""
        self._followed.pop(action.name, None)
        if action.schedule is not None:
            self._begin(action.name, action.schedule, action.since)
        self._arm()

    def look(self) -> None:
        """Look at the clock now: tell what is due, and plan anew what is not where it was."""
        for name, found in tuple(self._followed.items()):
            if found.next <= self.wall():
                self._come_due(name, found)
            else:
                self._plan_anew(name, found)
        self._arm()

    def close(self) -> None:
        """Follow nothing any more."""
        self._followed.clear()
        self._arm()

    def _begin(self, name: str, schedule: Schedule, since: float | None) -> None:
        """Begin now; or at a time that an earlier supervisor did not live to see."""
        now = self.wall()
        if since is not None and since <= now:
            found = self._followed[name] = _Followed(schedule, since)
            self._come_due(name, found)
            return
        upcoming = next_time(schedule, now)
        if upcoming is not None:
            self._followed[name] = _Followed(schedule, upcoming)
            self._post(Planned(name, upcoming, spoken(upcoming, now), self._loop.time()))

    def _come_due(self, name: str, found: _Followed) -> None:
        now = self.wall()
        since_then = takewhile(lambda at: at <= now, times_after(found.schedule, found.next - 1))
        times = list(islice(since_then, MOST_MISSED))
        found.told = times[-1] if times else None
        if not self._move_on(name, found, now):
            return
        runs = bool(times) and now - times[-1] < LATE_SECONDS
        text = spoken(found.next, now)
        self._post(Due(name, found.next, text, self._loop.time(), runs=runs, missed=len(times) - runs))

    def _move_on(self, name: str, found: _Followed, now: float) -> bool:
        """Go to the next time after now; False when there is none any more."""
        upcoming = next_time(found.schedule, now)
        if upcoming is None:
            del self._followed[name]
            return False
        found.next = upcoming
        return True

    def _plan_anew(self, name: str, found: _Followed) -> None:
        """See that its next time is still the next one: the clock may have been set, the zone changed."""
        now = self.wall()
        before = found.next
        again = found.told is not None and now <= found.told <= now + SET_BACK
        after = found.told if again and found.told is not None else now
        if self._move_on(name, found, after) and found.next != before:
            self._post(Planned(name, found.next, spoken(found.next, now), self._loop.time()))

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._followed:
            first = min(found.next for found in self._followed.values()) - self.wall()
            self._timer = self._loop.call_later(min(max(first, 0.001), LOOK_SECONDS), self.look)
