"""The end of all: event listeners are stopped last, so that they hear of the stops of the others."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from mamctl.core.events import Stop
from mamctl.core.states import ENDED, SIGKILL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mamctl.core.actions import Signal
    from mamctl.runtime.hands import Hands

    Until = Callable[[Callable[[], bool], float | None], Awaitable[bool]]


async def make_way(hands: Hands, until: Until, wait: float | None, *, force: bool) -> float | None:
    """Stop what listeners hear of, and let them hear it; what they need themselves is stopped after them, as always.

    `until` waits until something is true, at most so many seconds. By `force` there are no hooks, and nobody is heard.
    Returns what is left of `wait`.
    """
    if force:
        hands.hooks.close()
        return wait
    supervisor, begun = hands.supervisor, hands.now
    listeners = [name for name, service in supervisor.services.items() if service.spec.events and service.running]
    if not listeners:
        return wait
    hands.listeners.end()
    needed = set(supervisor.graph.closure(listeners))
    first = tuple(name for name in supervisor.services if name not in needed)
    hands.post(Stop(first, hands.now))
    services = supervisor.services
    if await until(lambda: all(services[name].state in ENDED for name in first if name in services), wait):
        await _have_told(hands, _left(wait, hands.now - begun))
    return _left(wait, hands.now - begun)


async def _have_told(hands: Hands, seconds: float | None) -> None:
    told = asyncio.Event()
    hands.listeners.once_told(told.set)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await told.wait()


def _left(wait: float | None, passed: float) -> float | None:
    return None if wait is None else max(0.0, wait - passed)


def ask_to_stop(hands: Hands, action: Signal) -> None:
    """Signal a service. When all ends because one failed, a listener hears that before it is asked to stop."""
    service = hands.supervisor.known(action.name)
    if hands.supervisor.ending is None or action.signal == SIGKILL or service is None or not service.spec.events:
        hands.incarnations.signal(action)
        return
    hands.listeners.once_told(lambda: hands.incarnations.signal(action))
