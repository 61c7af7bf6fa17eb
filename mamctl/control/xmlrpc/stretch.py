"""A stretch of a log too long to be held: it is read while it is sent, so that many clients need little memory."""

from __future__ import annotations

import asyncio
import codecs
import os
from typing import TYPE_CHECKING, Final

from mamctl.control.xmlrpc.text import blocks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

# Bytes that are read at once.
READ: Final = 1 << 18


class Stretch:
    """So many bytes of an open file, as text. It owns the descriptor: what is renamed meanwhile is read to its end."""

    def __init__(self, descriptor: int, start: int, count: int) -> None:
        self.size = count
        self._descriptor: int | None = descriptor
        self._start = start

    async def pieces(self) -> AsyncGenerator[str, None]:
        """Yield its text as XML. What is no UTF-8 is replaced; a file that was cut off meanwhile ends there."""
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        done, more = 0, True
        while more:
            data = await asyncio.to_thread(self._read, done)
            done += len(data)
            more = bool(data) and done < self.size
            for block in blocks(decoder.decode(data, final=not more)):
                yield block

    def close(self) -> None:
        """Let go of the file."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __del__(self) -> None:
        """Let go of the file of an answer that was given up before anybody had it to close."""
        self.close()

    def _read(self, done: int) -> bytes:
        assert self._descriptor is not None, "nobody reads what was closed"
        return os.pread(self._descriptor, min(READ, self.size - done), self._start + done)
