"""The socket that one incarnation of a service speaks over: datagrams, each with who sent it.

Whoever can reach the path is our own user, or that of the service; the kernel says who it was. A sender is known by its
pid and, where the kernel has it (6.5), by a descriptor of its process, which tells a pid that was given to another
process since. Descriptors that come with a message are closed at once: that is what a barrier waits for, and none is
kept.
"""

from __future__ import annotations

import array
import contextlib
import os
import select
import socket
import struct
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from mamctl.runtime.notify.address import prepare
from mamctl.runtime.notify.message import LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterable

_CREDENTIALS: Final = struct.Struct("3i")
_PASSCRED: Final = getattr(socket, "SO_PASSCRED", None)
_SCM_CREDENTIALS: Final = getattr(socket, "SCM_CREDENTIALS", 2)
# Linux 6.5; the socket module of Python 3.11 has no names for them.
_SO_PASSPIDFD: Final = 76
_SCM_PIDFD: Final = 4
# The kernel passes at most 253 descriptors with one message.
_ROOM: Final = socket.CMSG_SPACE(_CREDENTIALS.size) + socket.CMSG_SPACE(4) + socket.CMSG_SPACE(253 * 4)
_CLOEXEC: Final = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class Letter(NamedTuple):
    """One datagram. `pid` and `uid` are None where the system does not tell them.

    `ended`: the sender is known to have ended by now. `too_long`: the kernel cut it off.
    """

    data: bytes
    pid: int | None
    uid: int | None
    ended: bool
    too_long: bool


class Mailbox:
    """A bound socket that does not block. Raises OSError where it cannot be made."""

    def __init__(self, bound: socket.socket) -> None:
        os.set_blocking(bound.fileno(), False)
        self._socket = bound
        self.path: str = bound.getsockname()

    @classmethod
    def at(cls, path: str, owner: int | None = None) -> Self:
        """Make one at a path; what was there before is replaced. `owner`: another user, who alone may write to it."""
        prepare(path, shared=owner is not None)
        made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        before = os.umask(0o177)
        try:
            _ask_for_senders(made)
            made.bind(path)
            if owner is not None:
                os.chown(path, owner, -1)
            return cls(made)
        except OSError:
            made.close()
            raise
        finally:
            os.umask(before)

    @classmethod
    def of(cls, descriptor: int) -> Self:
        """Take one that an earlier supervisor made; it stays bound where it was."""
        return cls(socket.socket(fileno=descriptor))

    def fileno(self) -> int:
        """Return its descriptor."""
        return self._socket.fileno()

    def receive(self) -> Letter | None:
        """Return the next letter, or None when there is none now."""
        try:
            data, ancillary, flags, _ = self._socket.recvmsg(LARGEST, _ROOM, _CLOEXEC)
        except BlockingIOError:
            return None
        pid, uid, ended = _sender(ancillary)
        return Letter(data, pid, uid, ended, too_long=bool(flags & socket.MSG_TRUNC))

    def close(self, *, for_good: bool) -> None:
        """Let go of it; `for_good`: nobody shall find it any more."""
        self._socket.close()
        if for_good:
            with contextlib.suppress(OSError):
                os.unlink(self.path)


def _ask_for_senders(made: socket.socket) -> None:
    """Have the kernel name the sender of each message, as well as it can."""
    if _PASSCRED is None:
        return
    made.setsockopt(socket.SOL_SOCKET, _PASSCRED, 1)
    with contextlib.suppress(OSError):
        made.setsockopt(socket.SOL_SOCKET, _SO_PASSPIDFD, 1)


def _sender(ancillary: Iterable[tuple[int, int, bytes]]) -> tuple[int | None, int | None, bool]:
    """Return pid and uid of the sender and whether it has ended; close every descriptor that came along."""
    pid = uid = None
    ended = False
    for level, kind, data in ancillary:
        if level != socket.SOL_SOCKET:
            continue
        if kind == _SCM_CREDENTIALS and _PASSCRED is not None:
            pid, uid, _ = _CREDENTIALS.unpack_from(data)
        elif kind == _SCM_PIDFD:
            ended = _has_ended(data)
        elif kind == socket.SCM_RIGHTS:
            _close(_descriptors(data))
    return pid, uid, ended


def _has_ended(data: bytes) -> bool:
    """Tell whether the process of a pidfd has ended. The kernel sends an error's number for one that it cannot open."""
    fds = _descriptors(data)
    if any(fd < 0 for fd in fds):
        return True
    poller = select.poll()
    for fd in fds:
        poller.register(fd, select.POLLIN)
    try:
        return bool(poller.poll(0))
    finally:
        _close(fds)


def _descriptors(data: bytes) -> list[int]:
    found = array.array("i")
    found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return found.tolist()


def _close(descriptors: Iterable[int]) -> None:
    for fd in descriptors:
        with contextlib.suppress(OSError):
            os.close(fd)
