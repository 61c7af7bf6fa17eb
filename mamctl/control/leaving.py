"""Clients that leave while they wait: their place is free at once, and what they asked for goes on.

A request that is repeated by its id keeps its place: its answer is promised to whoever asks again. So does the one that
ends the supervisor, for there is more to do than to wait.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable

    from mamctl.control.protocol import Request
    from mamctl.control.wire import Wire

T = TypeVar("T")


def only_waits(request: Request) -> bool:
    """Tell whether a request waits for long, with nothing left to do after that: its change is made by then."""
    if request.method == "GET":
        return request.path == "/v1/wait"
    return bool(request.body.get("wait")) and request.path != "/v1/down" and "x-request-id" not in request.headers


@contextlib.asynccontextmanager
async def watching(wire: Wire) -> AsyncGenerator[asyncio.Future[None], None]:
    """Give what is done once the client has left. Nothing else may read from it meanwhile."""
    left = asyncio.ensure_future(wire.until_left())
    try:
        yield left
    finally:
        await _end(left)


async def unless_left(work: Awaitable[T], left: asyncio.Future[None]) -> T | None:
    """Return what work gives; None when the client left before that, and the work is cancelled."""
    working = asyncio.ensure_future(work)
    both: set[asyncio.Future[Any]] = {working, left}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        await _end(working)


async def _end(task: asyncio.Future[T]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
