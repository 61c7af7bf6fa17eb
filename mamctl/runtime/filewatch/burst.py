"""Many changes that belong together become one: a save writes several files, `git checkout` a thousand."""

from __future__ import annotations

import os
from dataclasses import field
from typing import TYPE_CHECKING

from mamctl.core.dataclass import dataclass

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Mapping

# Who goes on changing is not waited for longer than so many times the pause that ends a burst.
PATIENCE = 10
# Bursts that end within this time end together, so that dependants stop before their dependencies. Seconds.
TOGETHER = 0.02
# More paths of one burst are not told apart.
MOST_PATHS = 10_000


@dataclass(slots=True)
class Burst:
    """The changes of one service so far: which, since when, and when it is over if nothing follows."""

    first: str
    since: float
    due: float
    paths: set[str] = field(default_factory=set)


class Bursts:
    """Gathers changes by service; `over` is called with the sentences about those whose bursts have ended.

    `folder` is the one that people know paths from.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, folder: str, over: Callable[[dict[str, str]], None]) -> None:
        self._loop = loop
        self._folder = folder
        self._over = over
        self._bursts: dict[str, Burst] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, changes: Mapping[str, Iterable[str]], pauses: Mapping[str, float]) -> None:
        """Take changed paths by service; `pauses` are the seconds without a change that end a burst."""
        now = self._loop.time()
        for service, paths in changes.items():
            some = sorted(paths)
            pause = pauses[service]
            burst = self._bursts.setdefault(service, Burst(some[0], now, now))
            burst.due = min(now + pause, burst.since + PATIENCE * pause)
            if len(burst.paths) < MOST_PATHS:
                burst.paths.update(some)
        self._arm()

    def forget(self, known: Iterable[str]) -> None:
        """Drop the bursts of all services but these."""
        kept = set(known)
        self._bursts = {service: burst for service, burst in self._bursts.items() if service in kept}

    def close(self) -> None:
        """Tell nobody anything more."""
        self._bursts.clear()
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due = min((burst.due for burst in self._bursts.values()), default=None)
        self._timer = None if due is None else self._loop.call_at(due, self._end)

    def _end(self) -> None:
        by = self._loop.time() + TOGETHER
        ended = {service: burst for service, burst in self._bursts.items() if burst.due <= by}
        for service in ended:
            del self._bursts[service]
        self._arm()
        if ended:
            self._over({service: self._sentence(burst) for service, burst in ended.items()})

    def _sentence(self, burst: Burst) -> str:
        """Say what changed: `src/app.py changed`, `src/app.py and 3 more changed`."""
        first = _shown(burst.first, self._folder)
        more = len(burst.paths) - 1
        return f"{first} and {more} more changed" if more > 0 else f"{first} changed"


def _shown(path: str, folder: str) -> str:
    """Return a path as people know it; what is no text in it is replaced."""
    inside = path.removeprefix(folder.rstrip("/") + "/")
    return os.fsencode(inside).decode(errors="replace")
