"""Hearing that processes end: by their descriptors at once, or, where there are none, by looking every 50 ms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mamctl.runtime.processes.pinned import NONE

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from mamctl.runtime.incarnation import Incarnation

LOOK_EVERY: Final = 0.05


class EndWatch:
    """Calls back when an incarnation may have ended: once by descriptor, at every look without. `reap` tells."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._looked_at: dict[Incarnation, Callable[[], None]] = {}
        self._look: asyncio.TimerHandle | None = None

    def follow(self, found: Incarnation, may_have_ended: Callable[[], None]) -> None:
        """Begin to listen for the end of one."""
        if found.pidfd != NONE:
            self._loop.add_reader(found.pidfd, may_have_ended)
            return
        self._looked_at[found] = may_have_ended
        if self._look is None:
            self._look = self._loop.call_later(LOOK_EVERY, self._look_around)

    def leave(self, found: Incarnation) -> None:
        """Listen no more."""
        if found.pidfd != NONE:
            self._loop.remove_reader(found.pidfd)
        self._looked_at.pop(found, None)
        if self._look is not None and not self._looked_at:
            self._look.cancel()
            self._look = None

    def _look_around(self) -> None:
        self._look = self._loop.call_later(LOOK_EVERY, self._look_around)
        for may_have_ended in tuple(self._looked_at.values()):
            may_have_ended()
