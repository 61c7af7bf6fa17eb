"""The control socket itself: 0600 in a folder that only its user can write, and who is at the other end."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
from typing import TYPE_CHECKING

from mamctl.core.errors import MamctlError

if TYPE_CHECKING:
    from collections.abc import Sequence

BACKLOG = 128


class Listener:
    """A bound control socket: the one that was `kept` from an earlier supervisor, else a new one at `path`.

    Raises MamctlError when it cannot be made, or when others could put theirs in its place.
    """

    def __init__(self, path: str, kept: Sequence[int] = ()) -> None:
        self.path = path
        try:
            _prepare(os.path.dirname(path))
            self.socket = _kept(path, kept) or _bound(path)
            self._inode = os.stat(path).st_ino
        except OSError as error:
            # A path that no socket can have is refused by Python itself, without a number.
            why = os.strerror(error.errno).lower() if error.errno else str(error)
            raise MamctlError(f"the control socket {path} cannot be made: {why}") from None

    def close(self) -> None:
        """Listen no more, and take the socket away, unless it is somebody else's by now."""
        self.socket.close()
        with contextlib.suppress(OSError):
            if os.stat(self.path).st_ino == self._inode:
                os.unlink(self.path)


def is_ours(peer: socket.socket) -> bool:
    """Tell whether the other end is our own user, or root."""
    if sys.platform != "linux":
        return True  # the socket's permissions say it already
    _pid, uid, _gid = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return uid in (0, os.getuid())


def _prepare(folder: str) -> None:
    os.makedirs(folder, mode=0o700, exist_ok=True)
    found = os.stat(folder)
    if {found.st_uid, os.lstat(folder).st_uid} != {os.getuid()} or found.st_mode & 0o022:
        raise MamctlError(
            f"{folder}, where the control socket goes, can be written by others",
            f"chmod 700 {folder}, or set XDG_RUNTIME_DIR to a folder of your own",
        )


def _kept(path: str, descriptors: Sequence[int]) -> socket.socket | None:
    """Return the socket that was kept, if clients still find it at its path."""
    for descriptor in descriptors:
        kept = socket.socket(fileno=descriptor)
        if os.path.exists(path):
            return kept
        kept.close()
    return None


def _bound(path: str) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | getattr(socket, "SOCK_NONBLOCK", 0))
    before = os.umask(0o177)
    try:
        listener.bind(path)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener
