"""Writing to a terminal or pipe that may be slow, stopped (Ctrl-S) or gone, without ever hanging on it.

What is written waits in a queue that `push` empties as far as the other side takes it. While something waits,
`pending` tells the caller to produce no more: the queue's bound is the caller's patience, a frame or two.
"""

from __future__ import annotations

import os
import select
import time
from typing import Final

# What select calls writable takes this much without blocking: PIPE_BUF, and a quarter of it for a terminal.
PIECE: Final = 4096


class Outlet:
    """A queue of text before a descriptor. A reader that went away makes it `closed` and silent."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._piece = PIECE // 4 if os.isatty(descriptor) else PIECE
        self._queue = bytearray()
        self.closed = False

    @property
    def pending(self) -> bool:
        """Whether something still waits to be written."""
        return bool(self._queue)

    def fileno(self) -> int:
        """Return the descriptor, to wait until it is writable."""
        return self._descriptor

    def put(self, text: str) -> None:
        """Queue a text."""
        self.add(text.encode("utf-8", "replace"))

    def add(self, data: bytes) -> None:
        """Queue bytes as they are."""
        if not self.closed:
            self._queue += data

    def push(self) -> None:
        """Write as much as goes without waiting."""
        while self._queue and self._writable(0):
            try:
                written = os.write(self._descriptor, self._queue[: self._piece])
            except BlockingIOError:
                return
            except OSError:
                self.closed = True
                self._queue.clear()
                return
            del self._queue[:written]

    def finish(self, seconds: float) -> None:
        """Write what is left, for at most so long; then forget it."""
        deadline = time.monotonic() + seconds
        while self._queue and self._writable(max(0.0, deadline - time.monotonic())):
            self.push()
        self._queue.clear()

    def _writable(self, seconds: float) -> bool:
        try:
            return bool(select.select([], [self._descriptor], [], seconds)[1])
        except OSError:
            self.closed = True
            self._queue.clear()
            return False
