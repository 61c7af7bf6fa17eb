"""An SMTP server that takes every mail and keeps it."""

from __future__ import annotations

import asyncio
import contextlib
import email
from email.policy import default
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from email.message import EmailMessage


class Letterbox:
    """What came: each mail whole, with its envelope's recipients. `address` is host and port."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.address = ""

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take the mails of one connection."""
        to: list[str] = []
        writer.write(b"220 here\r\n")
        try:
            while line := (await reader.readline()).decode().strip():
                verb = line.partition(" ")[0].upper()
                if verb == "RCPT":
                    to.append(line.partition("<")[2].rstrip(">"))
                if verb == "DATA":
                    writer.write(b"354 go on\r\n")
                    text = await reader.readuntil(b"\r\n.\r\n")
                    self.mails.append((to, email.message_from_bytes(text[:-3], policy=default)))
                writer.write(b"221 bye\r\n" if verb == "QUIT" else b"250 ok\r\n")
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def letterbox() -> AsyncIterator[Letterbox]:
    """Serve while entered."""
    box = Letterbox()
    async with await asyncio.start_server(box.converse, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        box.address = f"{host}:{port}"
        yield box
