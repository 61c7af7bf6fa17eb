"""Logs as they grow: what `supervisorctl tail -f` and `maintail -f` read."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING, Final

from mamctl.control.protocol import Refusal
from mamctl.control.xmlrpc.faults import Fault
from mamctl.control.xmlrpc.program import the_one

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mamctl.control.protocol import Request
    from mamctl.control.wire import Wire
    from mamctl.control.xmlrpc.stack import Stack
    from mamctl.core.service import Service

MEDIA: Final = "text/plain; charset=utf-8"
CHANNELS: Final = ("stdout", "stderr")


class Tails:
    """Streams logs until the reader goes, or the server."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._ending = False

    def of(self, request: Request) -> Callable[[Wire], Awaitable[None]]:
        """Return what streams the log that a request means. Raises Refusal."""
        if request.method != "GET":
            raise Refusal(405, "method_not_allowed", f"{request.path[:200]} takes GET", headers=(("Allow", "GET"),))
        return partial(self.stream, path=self._path(request.path))

    def end(self) -> None:
        """Let every stream end."""
        self._ending = True

    async def stream(self, wire: Wire, *, path: str) -> None:
        """Send the last lines of a log, and then each as it comes."""
        wire.begin_pieces(MEDIA)
        gone = asyncio.ensure_future(wire.until_gone())
        try:
            async with contextlib.aclosing(self._stack.programs.follow(path)) as pieces:
                async for piece in pieces:
                    if gone.done():
                        return
                    if piece:
                        await wire.write_piece(piece)
                    elif self._ending:
                        break
            wire.end_pieces()
        finally:
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)

    def _path(self, target: str) -> str:
        if target.startswith("/mainlogtail"):
            return self._stack.programs.main_log
        name, _, channel = target.removeprefix("/logtail/").partition("/")
        path = self._stack.programs.logs(self._named(name).run).get(channel or CHANNELS[0])
        if path is None:
            hint = "`logs: {streams: split}` keeps stderr apart" if channel in CHANNELS else "stdout or stderr"
            raise Refusal(404, "no_log", f"{name} has no log of {channel[:40]}", hint)
        return path

    def _named(self, name: str) -> Service:
        try:
            return the_one(self._stack, name)
        except Fault:
            raise Refusal(404, "unknown_service", f"no such process: {name[:200]}") from None
