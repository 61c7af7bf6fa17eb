"""One way in: a listening socket, who may come through it, and who is connected through it now."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mamctl.control.protocol import Refusal

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable

    from mamctl.control.admission import Admission

    Serve = Callable[["Gate", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

END_SECONDS = 1.0


class Gate:
    """Accepts connections, at most `most` at a time. `serve` is called for each, and `connections` are its tasks."""

    def __init__(self, listener: socket.socket, admission: Admission, serve: Serve, *, most: int) -> None:
        self.admission = admission
        self.connections: set[asyncio.Task[None]] = set()
        self._listener = listener
        self._serve = serve
        self._most = most
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        """Where a browser of this machine reaches it over TCP: host and port."""
        host, port = self._listener.getsockname()[:2]
        here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
        return f"[{here}]:{port}" if ":" in here else f"{here}:{port}"

    async def open(self) -> None:
        """Begin to accept."""
        self._server = await asyncio.start_server(self._accept, sock=self._listener)

    def close(self) -> None:
        """Accept no more; the listening socket is closed."""
        if self._server is not None:
            self._server.close()

    async def end(self) -> None:
        """End every connection."""
        for task in self.connections:
            task.cancel()
        if self.connections:
            await asyncio.wait(self.connections, timeout=END_SECONDS)

    def require_room(self) -> None:
        """Raise Refusal when there are more connections than may be."""
        if len(self.connections) > self._most:
            raise Refusal(503, "busy", f"{self._most} clients are connected already", "try again")

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.connections.add(task)
        try:
            await self._serve(self, reader, writer)
        finally:
            self.connections.discard(task)
