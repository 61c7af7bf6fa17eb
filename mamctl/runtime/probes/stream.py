"""The two ways in which bytes go to an http probe's target and back.

Certificates are not verified: a probe asks whether a service works and not whether to trust it, and a local service
signs its own. It sends no secret that its URL does not hold.
"""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import socket
    import ssl

_CHUNK: Final = 65536


class HandshakeFailed(Exception):
    """Somebody is there, but speaks no TLS, or none that we do."""


class Plain:
    """The socket itself: a third of the cost of asyncio's streams. Its owner closes it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        await self._loop.sock_sendall(self._connection, data)

    async def receive(self) -> bytes:
        """Return what comes next; empty at the end."""
        return await self._loop.sock_recv(self._connection, _CHUNK)

    def close(self) -> None:
        """Leave the socket to its owner."""


class Tls:
    """A stream through TLS, which asyncio has only with its transports."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        self._writer.write(data)
        await self._writer.drain()

    async def receive(self) -> bytes:
        """Return what comes next; empty at the end."""
        return await self._reader.read(_CHUNK)

    def close(self) -> None:
        """Hang up without the farewell, which a broken server would never answer."""
        self._writer.transport.abort()


async def secured(connection: socket.socket, host: str) -> Tls:
    """Speak TLS over a connection. Raises HandshakeFailed."""
    import ssl

    try:
        return Tls(*await asyncio.open_connection(sock=connection, ssl=_context(), server_hostname=host))
    except ssl.SSLError as error:
        # Its errno is OpenSSL's own and no errno: 1 would read "operation not permitted".
        raise HandshakeFailed((error.reason or "no reason given").lower().replace("_", " ")) from error


@functools.cache
def _context() -> ssl.SSLContext:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
