"""The answers without end: events as they happen (SSE), and logs (NDJSON).

A reader that is slow or dead holds up nobody: what it is sent comes from the history by number, a batch at a time, so
that there is no queue of its own that could fill.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, NamedTuple

from mamctl.control.protocol import BATCH, Refusal
from mamctl.control.routes import integer, seconds

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from mamctl.control.protocol import Document, Feed, Operator, Views
    from mamctl.control.routes import Request
    from mamctl.control.wire import Wire

KEEPALIVE_SECONDS = 15.0
# Who wants more than this reads the files.
LONGEST_TAIL = 10_000
OLDEST = 365 * 86_400.0


class Extent(NamedTuple):
    """How much of the logs: the last lines, how old at most, and whether to go on."""

    tail: int
    since: float | None
    follow: bool


class Streams:
    """Streams to whom it may concern; `keepalive` is how many seconds a stream may be silent."""

    def __init__(self, operator: Operator, feed: Feed, views: Views, *, keepalive: float = KEEPALIVE_SECONDS) -> None:
        self._operator = operator
        self._feed = feed
        self._views = views
        self._keepalive = keepalive
        self._ending = False
        self._bells: set[asyncio.Event] = set()

    def of(self, request: Request) -> Callable[[Request, Wire], Awaitable[None]] | None:
        """Return what streams the answer of this request, None when it is a document."""
        if request.method != "GET":
            return None
        if request.path == "/v1/events" and "text/event-stream" in request.headers.get("accept", ""):
            return self._events
        return self._logs if request.path == "/v1/logs" else None

    def end(self) -> None:
        """Let every stream say what there is to say, and end."""
        self._ending = True
        for bell in self._bells:
            bell.set()

    async def _events(self, request: Request, wire: Wire) -> None:
        seq = self._start(request)
        bell = asyncio.Event()
        unlisten = self._feed.listen(lambda _event: bell.set())
        self._bells.add(bell)
        wire.begin("text/event-stream")
        try:
            while True:
                bell.clear()
                if batch := self._feed.since(seq, BATCH):
                    seq = batch[-1]["seq"]
                    await wire.write("".join(map(_event, batch)))
                elif self._ending:
                    return
                elif not await _rings(bell, self._keepalive):
                    await wire.write(": still here\n\n")
        finally:
            unlisten()
            self._bells.discard(bell)

    def _start(self, request: Request) -> int:
        """Return the number of the last event that this reader has."""
        last = integer(request.headers, "last-event-id", integer(request.query, "since", self._feed.last))
        # A number that we have not reached is of another history; its reader would wait for ever.
        return min(last, self._feed.last)

    async def _logs(self, request: Request, wire: Wire) -> None:
        extent = _extent(request.query)
        names = self._names(request.query)
        batches = self._views.logs(names, tail=extent.tail, since=extent.since, follow=extent.follow)
        wire.begin("application/x-ndjson")
        loop = asyncio.get_running_loop()
        spoke = loop.time()
        async with contextlib.aclosing(batches):
            async for batch in batches:
                if batch:
                    await wire.write("".join(f"{json.dumps(record)}\n" for record in batch))
                    spoke = loop.time()
                elif self._ending:
                    return
                elif loop.time() - spoke > self._keepalive:
                    await wire.write("\n")
                    spoke = loop.time()

    def _names(self, query: Mapping[str, str]) -> list[str]:
        return self._operator.select([name for name in query.get("service", "").split(",") if name] or ["*"])


def _extent(query: Mapping[str, str]) -> Extent:
    """Return how much of the logs is asked for."""
    tail = integer(query, "tail", 100)
    if tail > LONGEST_TAIL:
        raise Refusal(400, "bad_request", f"tail may be at most {LONGEST_TAIL}", "`mamctl logs` reads the files")
    since = query.get("since")
    follow = query.get("follow", "0")
    if follow not in ("0", "1", "false", "true"):
        raise Refusal(400, "bad_request", "follow must be true or false")
    return Extent(tail, None if since is None else seconds(since, "since", 0.0, OLDEST), follow in ("1", "true"))


def _event(event: Document) -> str:
    return f"id: {event['seq']}\nevent: {event['type']}\ndata: {json.dumps(event, default=str)}\n\n"


async def _rings(bell: asyncio.Event, seconds: float) -> bool:
    """Wait for a bell, so long; tell whether it rang."""
    try:
        async with asyncio.timeout(seconds):
            await bell.wait()
    except TimeoutError:
        return False
    return True
