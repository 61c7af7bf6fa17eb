"""A pipe on which a service writes a line when it is ready: the way of s6 (`notification-fd`).

What comes before the newline means nothing. We read on until the service closes its end: one that writes more must
neither block nor be ended by a signal for it.
"""

from __future__ import annotations

import os
from enum import Enum

SIZE = 4096


class Heard(Enum):
    """What a look at the pipe brought."""

    NOTHING = "nothing"
    LINE = "line"
    END = "end"


class ReadyLine:
    """The reading end."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self.said = False

    def fileno(self) -> int:
        """Return its descriptor."""
        return self._descriptor

    def receive(self) -> Heard:
        """Read what there is, at most one bufferful."""
        try:
            data = os.read(self._descriptor, SIZE)
        except BlockingIOError:
            return Heard.NOTHING
        if not data:
            return Heard.END
        if b"\n" not in data or self.said:
            return Heard.NOTHING
        self.said = True
        return Heard.LINE

    def close(self) -> None:
        """Let go of it."""
        os.close(self._descriptor)
