"""The answers without end: events as they happen (SSE), and logs (NDJSON).

A reader that is slow or dead holds up nobody: what it is sent comes from the history by number, a batch at a time, so
that there is no queue of its own that could fill. A follower of logs that falls behind is told how much it missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from functools import partial
from typing import TYPE_CHECKING

from mamctl.control.arguments import EventsQuery, LogsQuery
from mamctl.control.endpoint import NDJSON, SSE, endpoint
from mamctl.control.protocol import BATCH
from mamctl.control.reading import read_query

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mamctl.control.protocol import Document, Feed, Operator, Request, Views
    from mamctl.control.wire import Wire

KEEPALIVE_SECONDS = 15.0


class Streams:
    """Streams to whom it may concern; `keepalive` is how many seconds a stream may be silent."""

    def __init__(self, operator: Operator, feed: Feed, views: Views, *, keepalive: float = KEEPALIVE_SECONDS) -> None:
        self._operator = operator
        self._feed = feed
        self._views = views
        self._keepalive = keepalive
        self._ending = False
        self._bells: set[asyncio.Event] = set()

    def of(self, request: Request) -> Callable[[Wire], Awaitable[None]] | None:
        """Return what streams the answer of this request, None when it is a document. Raises Refusal and UsageError."""
        if request.method != "GET":
            return None
        if request.path == "/v1/events" and SSE in request.headers.get("accept", ""):
            last = request.headers.get("last-event-id")
            said = read_query(EventsQuery, {} if last is None else {"since": last}).since
            return partial(self.stream, query=read_query(EventsQuery, request.query), last=said)
        if request.path != "/v1/logs":
            return None
        query = read_query(LogsQuery, request.query)
        return partial(self.logs, query=query, names=self._operator.select(query.service or ["*"]))

    def end(self) -> None:
        """Let every stream say what there is to say, and end."""
        self._ending = True
        for bell in self._bells:
            bell.set()

    @endpoint("GET", "/v1/events", media=SSE)
    async def stream(self, wire: Wire, *, query: EventsQuery, last: int | None = None) -> None:
        """Stream events as they happen: from now, or from the one after `since` or `Last-Event-ID`."""
        # What a reader says itself is newer than the address that it comes back to.
        given = query.since if last is None else last
        # A number that we have not reached is of another history; its reader would wait for ever.
        seq = self._feed.last if given is None else min(given, self._feed.last)
        bell = asyncio.Event()
        unlisten = self._feed.listen(lambda _event: bell.set())
        self._bells.add(bell)
        wire.begin(SSE)
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

    @endpoint("GET", "/v1/logs", media=NDJSON)
    async def logs(self, wire: Wire, *, query: LogsQuery, names: list[str]) -> None:
        """Give the last lines of logs as JSON, one a line; with `follow` also what is written from now."""
        batches = self._views.logs(names, tail=query.tail, since=query.since, follow=query.follow)
        wire.begin(NDJSON)
        loop = asyncio.get_running_loop()
        spoke = loop.time()
        async with contextlib.aclosing(batches):
            async for batch in batches:
                if batch:
                    await wire.write("".join(f"{json.dumps(record)}\n" for record in batch))
                    spoke = loop.time()
                elif self._ending:
                    break
                elif loop.time() - spoke > self._keepalive:
                    await wire.write("\n")
                    spoke = loop.time()


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
