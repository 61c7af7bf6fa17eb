"""A terminal elsewhere is connected with a service's: an HTTP connection that is upgraded, and frames both ways.

What the terminal shows comes from the service's log, which each reader reads at its own pace: one that is slow skips
what it cannot take in time and is told, one that takes nothing is let go, and the service waits for neither. What is
typed waits for the service, and then so does who types: nothing piles up here.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from mamctl.control import frames
from mamctl.control.arguments import AttachBody
from mamctl.control.endpoint import TABLE, endpoint
from mamctl.control.protocol import Refusal
from mamctl.control.reading import read_body
from mamctl.control.replay import replayed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mamctl.control.protocol import Operator, Request, Terminal, Views
    from mamctl.control.wire import Wire

PATH: Final = "/v1/services/{name}/attach"
# Who is so many bytes behind skips, to about what a screen holds before the end.
FARTHEST: Final = 1 << 20
SCREEN: Final = 1 << 14
# How often it is looked whether who types into a service that does not read is still there, in seconds.
LOOK: Final = 1.0


class Attaching:
    """Connects terminals with those of services."""

    def __init__(self, operator: Operator, views: Views) -> None:
        self._operator = operator
        self._views = views
        self._sessions: set[asyncio.Future[None]] = set()

    def end(self) -> None:
        """End every session without a word: the supervisor leaves, and whoever is attached looks for the next one."""
        for session in tuple(self._sessions):
            session.cancel()

    def of(self, request: Request) -> Callable[[Wire], Awaitable[None]] | None:
        """Return what serves this request if it is for a terminal. Raises Refusal and what `Views.terminal` does."""
        if not request.path.endswith("/attach"):
            return None
        found, names = TABLE.find(request)
        if found.path != PATH:
            return None
        if request.strict:
            hint = "on its own machine it is reached: ssh -t HOST mamctl attach SERVICE"
            raise Refusal(403, "not_over_tcp", "terminals are attached over the Unix socket only", hint)
        body = read_body(AttachBody, request.body)
        terminal = self._views.terminal(self._one(names["name"]))
        _require_upgrade(request)
        return partial(self.attach, terminal=terminal, body=body)

    @endpoint("POST", PATH)
    async def attach(self, wire: Wire, *, terminal: Terminal, body: AttachBody) -> None:
        """Connect a terminal with that of a service: the connection is upgraded, and ends when the service does."""
        early = wire.upgrade(frames.PROTOCOL)
        if body.rows and body.columns:
            terminal.resize(body.rows, body.columns)
        session = _Session(wire, terminal)
        both = {asyncio.ensure_future(session.hear(early)), asyncio.ensure_future(session.show(body))}
        self._sessions |= both
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._sessions -= both
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    def _one(self, name: str) -> str:
        names = self._operator.select([name])
        if len(names) > 1:
            raise Refusal(400, "bad_request", f"that means {len(names)} services: {', '.join(names)}", "name one")
        return names[0]


class _Session:
    """One client and one terminal."""

    def __init__(self, wire: Wire, terminal: Terminal) -> None:
        self._wire = wire
        self._terminal = terminal
        self._output = terminal.output

    async def hear(self, received: bytes) -> None:
        """Do what the client says, until it goes away or says what is no frame."""
        heard = frames.Frames(frames.DATA + frames.SIZE)
        try:
            while True:
                for frame in heard.feed(received):
                    await self._obey(frame)
                received = await self._wire.read()
                if not received:
                    return
        except ValueError as error:
            await self._wire.send(frames.note({"error": str(error), "code": "bad_frame"}))

    async def show(self, body: AttachBody) -> None:
        """Show what the terminal shows: a part of what it has shown, and all that comes, until its service ends."""
        bell = asyncio.Event()
        unwatch = self._output.watch(bell.set)
        self._terminal.ended.add_done_callback(lambda _: bell.set())
        try:
            position = await self._begin(body)
            while True:
                bell.clear()
                over = self._terminal.ended.done()
                after = await self._pass_on(position)
                if after == position and over:
                    await self._tell_the_end()
                    return
                if after == position:
                    await bell.wait()
                position = after
        finally:
            unwatch()

    async def _begin(self, body: AttachBody) -> int:
        """Say where it stands, and show what was before; return the position from which all is shown."""
        position = self._output.end
        if body.after is not None:
            position = min(body.after, position)
        elif body.tail:
            await self._wire.send(frames.data(self._shown_before(position, body.tail)))
            self._terminal.redraw()
        await self._wire.send(frames.note({"position": position, "generation": self._terminal.generation}))
        return position

    def _shown_before(self, end: int, count: int) -> bytes:
        """Return what this incarnation showed last; from the beginning of a line on, if it is not all."""
        first = self._output.start
        position = max(first, end - count)
        whole = position == first
        shown = b""
        while position < end:
            position, piece = self._output.read_new(position)
            if not piece:
                break
            shown += piece
        shown = shown[: len(shown) - max(0, position - end)]
        return replayed(shown, whole=whole)

    async def _pass_on(self, position: int) -> int:
        """Send the next piece; return the position after it. Who is too far behind goes on near the end."""
        begin = position
        if self._output.end - position > FARTHEST:
            begin = self._output.end - SCREEN
        after, piece = self._output.read_new(begin)
        if not piece:
            return position
        if skipped := after - len(piece) - position:
            await self._wire.send(frames.note({"skipped": skipped}))
        await self._wire.send(frames.data(piece))
        return after

    async def _tell_the_end(self) -> None:
        """Say how the service ended; of a terminal that is only let go, nothing."""
        if self._terminal.ended.cancelled():
            return
        code, signal = self._terminal.ended.result()
        await self._wire.send(frames.note({"exited": {"code": code, "signal": signal}}))

    async def _obey(self, frame: frames.Frame) -> None:
        if frame.kind == frames.SIZE:
            self._terminal.resize(*frames.read_size(frame.content))
            return
        typing = asyncio.ensure_future(self._terminal.type(frame.content))
        try:
            while not (await asyncio.wait({typing}, timeout=LOOK))[0]:
                if self._wire.gone:
                    return
        finally:
            typing.cancel()


def _require_upgrade(request: Request) -> None:
    wishes = {word.strip().lower() for word in request.headers.get("connection", "").split(",")}
    if "upgrade" in wishes and request.headers.get("upgrade", "").lower() == frames.PROTOCOL:
        return
    hint = f"send Connection: Upgrade and Upgrade: {frames.PROTOCOL}; `mamctl attach` does"
    raise Refusal(
        426, "upgrade_required", "a terminal takes an upgraded connection", hint, (("Upgrade", frames.PROTOCOL),)
    )
