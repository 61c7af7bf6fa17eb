"""A supervisor's process as its guardian sees it: the line to it, and what it said of itself.

Only the standard library, and little of it: the guardian is made of this.
"""

from __future__ import annotations

import _socket
import contextlib
import json
import os
import resource
import signal
import time

from mamctl.runtime.wire import Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mamctl.runtime.wire import Message

FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Brain:
    """A supervisor's process and the line to it. `code`: what it said that it ends with; `heard`: when it was well."""

    def __init__(self, pid: int, line: int) -> None:
        """Know one by its pid and a descriptor of the line, which is ours from now on."""
        self.pid = pid
        self.wire = Wire(_socket.socket(fileno=line))
        self.ready = self.hands_over = self.beats = False
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


def started(argv: Sequence[str], words: Message, environ: Mapping[str, str]) -> Brain:
    """Start a supervisor that is told these words. Raises OSError when the system has no process for it now."""
    ours, theirs = _socket.socketpair()
    try:
        os.set_inheritable(theirs.fileno(), True)
        command = [*argv, json.dumps({**words, "guardian": theirs.fileno()})]
        pid = os.posix_spawn(command[0], command, environ, setsigmask=(), setsigdef=FORWARDED)
    finally:
        theirs.close()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, tuple(words["open_files"]))
    return Brain(pid, ours.detach())
