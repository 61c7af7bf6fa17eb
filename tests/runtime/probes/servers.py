"""Servers that answer a probe with given bytes, well or badly."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

HERE = "127.0.0.1"


def response(body: bytes = b"", status: int = 200, **headers: str) -> bytes:
    """Return a whole HTTP response."""
    lines = [f"HTTP/1.1 {status} Scripted", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Server:
    """Answers every request with `pieces`; with `drip`, byte by byte, that many seconds apart."""

    def __init__(self, pieces: tuple[bytes, ...], *, drip: float, close: bool) -> None:
        self.pieces = pieces
        self.drip = drip
        self.close = close
        self.requests: list[bytes] = []
        self.asked = asyncio.Event()
        self.hung_up = asyncio.Event()
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Handle one connection until the other side hangs up."""
        try:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            self.asked.set()
            await self._answer(reader, writer)
            if self.close:
                writer.close()
            while await reader.read(65536):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            self.hung_up.set()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.drip:
            for piece in self.pieces:
                writer.write(piece)
                await writer.drain()
            return
        gone = asyncio.ensure_future(reader.read())
        for byte in b"".join(self.pieces):
            writer.write(bytes([byte]))
            await writer.drain()
            if (await asyncio.wait({gone}, timeout=self.drip))[0]:
                return


@asynccontextmanager
async def serving(
    *pieces: bytes, drip: float = 0, close: bool = True, host: str = HERE, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    """Run a server on a free port. Without `close` it leaves hanging up to the client."""
    one = Server(pieces, drip=drip, close=close)
    listener = await asyncio.start_server(one.serve, host, 0, ssl=tls)
    async with listener:
        one.port = listener.sockets[0].getsockname()[1]
        yield one
        if one.asked.is_set():
            await asyncio.wait_for(one.hung_up.wait(), 5)
