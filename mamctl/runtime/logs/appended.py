"""Output where there is no splice (macOS): the service appends to its log itself, and we only look on.

Nothing of ours is in the way of the bytes, so nothing of ours can lose them; but a log that its service holds open
cannot be renamed under it. It is rotated when the next incarnation begins; what a service writes after its log was
removed is out of sight until then; and a full disk is the service's to see.
"""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING, Any, Final, Protocol

from mamctl.runtime.logs.inotify import Inotify

if TYPE_CHECKING:
    from collections.abc import Callable

    from mamctl.runtime.logs.logfile import LogFile
    from mamctl.runtime.logs.notices import Notice


# kqueue has names only where it exists, which the type checker's platform is not.
_kernel: Final[Any] = select


class ChangeWatch(Protocol):
    """A descriptor that is readable when a file changed."""

    def follow(self, path: str, descriptor: int) -> None:
        """Watch this file from now on, known by its path and by an open descriptor. Raises OSError."""

    def fileno(self) -> int:
        """Return the descriptor."""

    def clear(self) -> None:
        """Forget what was reported so far."""

    def close(self) -> None:
        """Close the descriptor."""


class VnodeWatch:
    """A kqueue that reports writes to open files."""

    def __init__(self) -> None:
        self._queue = _kernel.kqueue()

    def follow(self, path: str, descriptor: int) -> None:  # noqa: ARG002 - a kqueue knows files by descriptor
        """Watch an open file until it is closed."""
        changes = _kernel.KQ_NOTE_WRITE | _kernel.KQ_NOTE_EXTEND | _kernel.KQ_NOTE_DELETE | _kernel.KQ_NOTE_RENAME
        flags = _kernel.KQ_EV_ADD | _kernel.KQ_EV_CLEAR
        self._queue.control([_kernel.kevent(descriptor, _kernel.KQ_FILTER_VNODE, flags, changes)], 0)

    def fileno(self) -> int:
        """Return the descriptor of the kqueue, which can itself be waited on."""
        return int(self._queue.fileno())

    def clear(self) -> None:
        """Take the events away."""
        self._queue.control(None, 16, 0)

    def close(self) -> None:
        """Close the kqueue."""
        self._queue.close()


def change_watch() -> ChangeWatch:
    """Return the system's watch: inotify where there is one, else kqueue. Raises OSError."""
    return VnodeWatch() if hasattr(select, "kqueue") else Inotify()


class AppendIntake:
    """A log that its service appends to. `fifo` is not used."""

    stuck = False

    def __init__(self, fifo: str, log: LogFile, report: Callable[[Notice], None]) -> None:  # noqa: ARG002 - as PipeIntake
        self._log = log
        self._watch = change_watch()
        self._watch.follow(log.path, log.fd)
        self._followed = log.fd
        # Nobody is ever blocked here: the longest pause will do.
        self.capacity = 1 << 30

    def fileno(self) -> int:
        """Return the descriptor that is readable when the log has changed."""
        return self._watch.fileno()

    def child_end(self) -> int:
        """Open the log once more to append to it, rotating it before if it is full."""
        self._log.settle()
        self._log.landed(0)
        self._follow()
        return os.open(self._log.path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)

    def waiting(self) -> int:
        """Return how much longer the log is than when we looked last."""
        return max(0, os.fstat(self._log.fd).st_size - self._log.end)

    def pump(self) -> int:
        """Write down when what was appended came."""
        self._watch.clear()
        grown = self.waiting()
        if grown:
            self._log.stamp()
            self._log.end += grown
            return grown
        self._log.settle()
        self._follow()
        return 0

    def close(self) -> None:
        """Stop watching."""
        self._watch.close()

    def _follow(self) -> None:
        """Watch the file that is the log by now."""
        if self._log.fd != self._followed:
            self._watch.follow(self._log.path, self._log.fd)
            self._followed = self._log.fd
