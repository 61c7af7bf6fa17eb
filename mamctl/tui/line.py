"""What the supervisor tells, for as long as somebody looks: status, events, and the logs of whom they look at.

Three tasks, and one client for all of them. The status is asked for every `seconds`, and at once when something
happens; so many events in a burst are one question. Whoever is gone is looked for again, for ever: people leave by q.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from time import time
from typing import TYPE_CHECKING, Any, Final, Protocol

from mamctl.control.arguments import OLDEST
from mamctl.control.calls import is_farewell
from mamctl.core.errors import MamctlError, NoSupervisor
from mamctl.tui.book import KEPT, LONGEST, Line, level_of
from mamctl.ui import words
from mamctl.ui.amounts import clock, moment
from mamctl.ui.escape import displayable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mamctl.control.sdk_async import AsyncClient

    Document = Mapping[str, Any]

RETRY_SECONDS: Final = 0.5
# What happens within this time is shown together.
SOONEST: Final = 0.1
# The first lines of a log that is opened.
TAIL: Final = 1_000


class Ear(Protocol):
    """Who is told."""

    def hear_status(self, document: Document) -> None:
        """Take how every service is now."""

    def hear_silence(self, why: str, *, gone: bool) -> None:
        """Take that there is no answer; `gone`: nobody is there."""

    def hear_events(self, events: Sequence[Document], *, anew: bool) -> None:
        """Take what happened; `anew`: this is all, what was known before is of another stack."""

    def hear_lines(self, lines: Sequence[Line]) -> None:
        """Take what services wrote."""


class Listening:
    """The tasks. `seconds`: how old the figures may be. To be run in one task and cancelled."""

    def __init__(self, client: AsyncClient, ear: Ear, seconds: float) -> None:
        self._client = client
        self._ear = ear
        self._seconds = seconds
        self._bell = asyncio.Event()
        self._there = asyncio.Event()
        self._last = -1
        self._farewell = ""

    async def follow(self) -> None:
        """Tell status and events; to be cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._status())
            tasks.create_task(self._events())

    @property
    def left(self) -> bool:
        """Whether the supervisor said its last word: it is not being replaced."""
        return bool(self._farewell)

    def ring(self) -> None:
        """Ask for the status now."""
        self._bell.set()

    async def logs(self, services: Sequence[str]) -> None:
        """Tell what services write, their last lines first, without names of all; to be cancelled."""
        seen = Seen()
        while True:
            await self._there.wait()
            # The status tells why it ends; a service that is gone has no log any more.
            with suppress(MamctlError):
                await self._read_logs(services, seen)
            await asyncio.sleep(RETRY_SECONDS)

    async def _status(self) -> None:
        while True:
            self._bell.clear()
            pause = self._seconds
            try:
                document = await self._client.status()
            except MamctlError as problem:
                self._miss(problem)
                pause = RETRY_SECONDS
            else:
                self._there.set()
                self._ear.hear_status(document)
            await asyncio.sleep(SOONEST)
            await _rings(self._bell, pause - SOONEST)

    def _miss(self, problem: MamctlError) -> None:
        gone = isinstance(problem, NoSupervisor)
        if gone:
            self._there.clear()
        self._ear.hear_silence(self._farewell if gone and self._farewell else problem.message, gone=gone)

    async def _events(self) -> None:
        while True:
            await self._there.wait()
            try:
                await self._catch_up()
                async with aclosing(self._client.events(since=max(self._last, 0), follow=True)) as found:
                    async for event in found:
                        self._take(event)
            except MamctlError:
                pass
            self.ring()
            await asyncio.sleep(RETRY_SECONDS)

    async def _catch_up(self) -> None:
        """Take the newest events; those of a history that begins again replace all that was known."""
        page: list[Document] = [dict(event) async for event in self._client.events()]
        newest = int(page[-1]["seq"]) if page else 0
        anew = newest < self._last or self._last < 0
        new = page if anew else [event for event in page if int(event["seq"]) > self._last]
        self._last = newest
        if not (page and is_farewell(page[-1])):
            self._farewell = ""
        self._ear.hear_events(new, anew=anew)

    def _take(self, event: Document) -> None:
        self._last = int(event["seq"])
        if is_farewell(event):
            reason = str(event["data"]["ending"].get("reason") or "")
            self._farewell = f"the supervisor has left: {words.ENDINGS.get(reason, reason)}".removesuffix(": ")
        self._ear.hear_events([event], anew=False)
        self.ring()

    async def _read_logs(self, services: Sequence[str], seen: Seen) -> None:
        """Read until the supervisor ends; lines that come in a burst are told together."""
        waiting: list[Line] = []
        flusher = asyncio.create_task(self._flush(waiting))
        try:
            tail = KEPT if seen.at else TAIL
            async with aclosing(self._client.logs(*services, tail=tail, since=seen.since(), follow=True)) as found:
                async for record in found:
                    waiting.extend(_lines(record, seen))
                    if len(waiting) > KEPT:
                        del waiting[:-KEPT]
        except asyncio.CancelledError:
            waiting.clear()  # nobody looks at this log any more
            raise
        finally:
            flusher.cancel()
            self._ear.hear_lines(waiting)

    async def _flush(self, waiting: list[Line]) -> None:
        while True:
            if waiting:
                lines = list(waiting)
                waiting.clear()
                self._ear.hear_lines(lines)
            await asyncio.sleep(SOONEST)


class Seen:
    """Up to where a log was read, so that after a break nothing is told twice. Times are those of the records."""

    def __init__(self) -> None:
        self.at = ""
        self._told = 0
        self._border = ""
        self._again = 0

    def since(self) -> float | None:
        """Return how old, in seconds, lines may be that are asked for after a break; None at first."""
        if not self.at:
            return None
        self._border, self._again = self.at, self._told
        return min(max(0.0, time() - moment(self.at)) + 2.0, OLDEST)

    def is_new(self, at: str) -> bool:
        """Tell whether a line of this time was not told before the break."""
        if self._border and at <= self._border:
            told = at < self._border or self._again > 0
            self._again -= at == self._border
            if told:
                return False
        else:
            self._border = ""
        if at >= self.at:
            self._told = self._told + 1 if at == self.at else 1
            self.at = at
        return True


def _lines(record: Document, seen: Seen) -> list[Line]:
    if "skipped" in record:
        return [Line("", "", f"{record['skipped']:,} lines not shown: they came faster than they were read", "warn")]
    at = str(record["at"])
    if not seen.is_new(at):
        return []
    text = displayable(str(record["line"])[:LONGEST].encode("utf-8", "replace")).expandtabs(8)
    return [Line(str(record["service"]), clock(moment(at)), text, level_of(text))]


async def _rings(bell: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await bell.wait()
    except TimeoutError:
        return
