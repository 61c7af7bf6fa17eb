"""The guardian's own socket, by which commands find it when no supervisor answers.

Only a guardian whose supervisor owns the home has it open. One that lost a race for the home would take it from the
other, and take it away altogether when it leaves.
"""

from __future__ import annotations

import _socket
import contextlib
import json
import os

from mamctl.runtime.rebirth import say
from mamctl.runtime.wire import accepted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mamctl.runtime.wire import Message

PATIENCE = 1.0


class Entrance:
    """A listening socket at a path."""

    def __init__(self, path: str) -> None:
        self.listener: _socket.socket | None = None
        self._path = path
        self._inode = 0

    def open(self) -> _socket.socket | None:
        """Listen, in the place of one that is dead; return the socket once. None, too, where that cannot be."""
        if self.listener is not None:
            return None
        self.listener = _socket.socket(_socket.AF_UNIX)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
        before = os.umask(0o177)
        try:
            self.listener.bind(self._path)
            self.listener.listen(8)
            self._inode = os.stat(self._path).st_ino
        except OSError as error:
            say(f"cannot be found by commands: {self._path}: {error.strerror}")
            return None
        finally:
            os.umask(before)
        return self.listener

    def answer(self, known: Message) -> bytes:
        """Tell the next guest what is known; return the word he came with, nothing for one who does not say any."""
        word = b""
        with contextlib.suppress(OSError):
            assert self.listener is not None
            guest = accepted(self.listener)
            with contextlib.closing(guest):
                guest.settimeout(PATIENCE)
                word = guest.recv(64).strip()
                guest.sendall(json.dumps(known).encode())
        return word

    def shut(self) -> None:
        """Take the socket away, unless somebody else's is there by now."""
        with contextlib.suppress(OSError):
            if os.stat(self._path).st_ino == self._inode:
                os.unlink(self._path)
