"""The timers that the core asked for: one for each service and purpose, each told once as an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mamctl.core.events import TimerFired

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from mamctl.core.actions import ArmTimer

STOOD_STILL: Final = 0.25
"""A timer that is late by so many seconds says that this process was stopped, not that a service took too long."""


class Timers:
    """Owns the timers of a loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, post: Callable[[TimerFired], None]) -> None:
        self._loop = loop
        self._post = post
        self._armed: dict[tuple[str, str], asyncio.TimerHandle] = {}

    def arm(self, action: ArmTimer) -> None:
        """Begin a timer; the earlier one of the same purpose is forgotten."""
        key = (action.name, action.timer)
        if earlier := self._armed.pop(key, None):
            earlier.cancel()
        self._armed[key] = self._loop.call_later(action.delay, self._fire, action, self._loop.time() + action.delay)

    def close(self) -> None:
        """Forget all."""
        for handle in self._armed.values():
            handle.cancel()
        self._armed.clear()

    def _fire(self, action: ArmTimer, due: float) -> None:
        """Tell of a timer; when we stood still ourselves until now, what came meanwhile is heard before it."""
        key = (action.name, action.timer)
        now = self._loop.time()
        if now - due > STOOD_STILL:
            self._armed[key] = self._loop.call_later(STOOD_STILL, self._fire, action, float("inf"))
            return
        self._armed.pop(key, None)
        self._post(TimerFired(action.name, action.timer, action.token, now))
