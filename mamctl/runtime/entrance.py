"""The guardian's own socket, by which commands find it when no supervisor answers.

Only a guardian whose supervisor owns the home has it open. One that lost a race for the home would take it from the
other, and take it away altogether when it leaves.
"""

from __future__ import annotations

import _socket
import contextlib
import os

from mamctl.runtime.rebirth import say


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

    def shut(self) -> None:
        """Take the socket away, unless somebody else's is there by now."""
        with contextlib.suppress(OSError):
            if os.stat(self._path).st_ino == self._inode:
                os.unlink(self._path)
