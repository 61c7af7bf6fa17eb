"""A web server and a WebSocket server whose answers a test chooses, on free ports of this process."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import ServerConnection, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


class Web:
    """`answer` makes the raw bytes for a raw request; `asked` are the requests; None: it says nothing."""

    def __init__(self, answer: Callable[[bytes], bytes | None]) -> None:
        self.answer = answer
        self.asked: list[bytes] = []
        self.port = 0
        self.taking: set[Any] = set()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.taking.add(asyncio.current_task())
        try:
            await self._serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # who only connected has asked nothing
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        body = await reader.readexactly(lengths[0]) if lengths else b""
        self.asked.append(head + body)
        said = self.answer(head + body)
        if said is None:
            await reader.read()
            return
        writer.write(said)
        await writer.drain()


def reply(body: Any, status: str = "200 OK", **headers: str) -> bytes:
    """Return an answer: JSON, unless the body is text."""
    data = (body if isinstance(body, str) else json.dumps(body)).encode()
    kind = "text/plain" if isinstance(body, str) else "application/json; charset=utf-8"
    lines = {
        "Content-Type": kind,
        "Content-Length": str(len(data)),
        **{k.replace("_", "-"): v for k, v in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status}\r\n{head}Connection: close\r\n\r\n".encode() + data


@asynccontextmanager
async def web(answer: Callable[[bytes], bytes | None]) -> AsyncIterator[Web]:
    found = Web(answer)
    server = await asyncio.start_server(found.take, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    async with server:
        yield found
        await asyncio.wait(found.taking or {asyncio.create_task(asyncio.sleep(0))}, timeout=5)


@asynccontextmanager
async def talker(*said: Any) -> AsyncIterator[int]:
    """A WebSocket server that says these things at once, and then repeats what it hears; yields its port."""

    async def talk(connection: ServerConnection) -> None:
        for message in said:
            await connection.send(message if isinstance(message, str) else json.dumps(message))
        async for message in connection:
            await connection.send(message)

    async with serve(talk, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
