"""A supervisor's process as its guardian sees it: the line to it, and what it said of itself.

Only the standard library, and little of it: the guardian is made of this.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time

from mamctl.runtime.wire import Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Sequence

    from mamctl.runtime.wire import Message


class Brain:
    """A supervisor's process and the line to it. `code`: what it said that it ends with; `heard`: when it was well."""

    def __init__(self, pid: int, end: _socket.socket) -> None:
        self.pid = pid
        self.wire = Wire(end)
        self.ready = self.hands_over = False
        self.code: int | None = None
        self.since = self.heard = time.monotonic()

    def tell(self, said: str) -> None:
        """Say a word; one that is dead does not hear it, which is noticed elsewhere."""
        self.answer({"said": said})

    def answer(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Send a message; what a dead one said before it died, it said all the same."""
        with contextlib.suppress(OSError):
            self.wire.send(message, descriptors)

    def bury(self) -> None:
        """End what may be left of it, and collect it."""
        self.wire.close()
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
