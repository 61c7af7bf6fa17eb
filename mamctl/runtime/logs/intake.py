"""How output gets from a service into its log.

On Linux through a FIFO: our end is read-write and non-blocking, each incarnation's end is opened anew, read-write and
blocking. So nobody's death gives SIGPIPE, no O_NONBLOCK of a service outlives it, and the bytes go from the pipe to
the file inside the kernel (splice): a kill cannot fall between "taken" and "stored".
"""

from __future__ import annotations

import array
import contextlib
import errno
import fcntl
import os
import stat
import termios
import time
from typing import TYPE_CHECKING, Final, Protocol

from mamctl.runtime.logs.loss import TELL, Loss

if TYPE_CHECKING:
    from collections.abc import Callable

    from mamctl.runtime.logs.logfile import LogFile
    from mamctl.runtime.logs.notices import Notice

_CHUNK: Final = 1 << 18
_SPLICE_FLAGS: Final = 1 | 2  # SPLICE_F_MOVE | SPLICE_F_NONBLOCK, which only Linux names
_GET_PIPE_SIZE: Final = 1032  # F_GETPIPE_SZ and F_SETPIPE_SZ, likewise
_SET_PIPE_SIZE: Final = 1031
_BIG_PIPE: Final = 1 << 20
_DEFAULT_PIPE: Final = 1 << 16
_NO_SPLICE: Final = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


class Intake(Protocol):
    """Brings output into a LogFile."""

    @property
    def capacity(self) -> int:
        """Bytes that can wait for `pump`; a service that has more to say is blocked."""

    @property
    def stuck(self) -> bool:
        """Whether output is being thrown away, so that `pump` is worth a call even when nothing comes."""

    def fileno(self) -> int:
        """Return the descriptor that is readable when there is output."""

    def child_end(self) -> int:
        """Open a new descriptor for a child's output; the caller closes it. Raises OSError."""

    def waiting(self) -> int:
        """Return how many bytes wait."""

    def pump(self) -> int:
        """Store what waits, or a part of it; return its bytes. Never waits."""

    def close(self) -> None:
        """Close all descriptors."""


class Budget:
    """How much memory all pipes together may take beyond their default size, in bytes."""

    def __init__(self, total: int = 16 << 20) -> None:
        self.left = total

    def grow(self, descriptor: int, capacity: int) -> int:
        """Enlarge a pipe that was seen full, if there is budget and the kernel agrees; return its capacity."""
        cost = _BIG_PIPE - capacity
        if cost <= 0 or cost > self.left:
            return capacity
        try:
            grown = fcntl.fcntl(descriptor, _SET_PIPE_SIZE, _BIG_PIPE)
        except OSError:
            return capacity
        self.left -= grown - capacity
        return grown


SHARED_BUDGET: Final = Budget()


class PipeIntake:
    """A FIFO that is spliced into a log. A log that cannot take more never blocks the service: see `Loss`."""

    def __init__(
        self,
        fifo: str,
        log: LogFile,
        report: Callable[[Notice], None],
        budget: Budget = SHARED_BUDGET,
        *,
        kept: int | None = None,
    ) -> None:
        """Open the FIFO, or use the end of it that was `kept` from an earlier supervisor; ours to close."""
        self._log = log
        self._report = report
        self._budget = budget
        self._fd = _open_fifo(fifo) if kept is None else kept
        self._path = fifo
        self._loss: Loss | None = None
        self._resumed_at = float("-inf")
        self._can_splice = hasattr(os, "splice")
        self._may_grow = True
        self._count = array.array("i", [0])
        self.capacity = self._initial = _capacity(self._fd)

    @property
    def stuck(self) -> bool:
        """Whether output is being thrown away."""
        return self._loss is not None

    def fileno(self) -> int:
        """Return our end of the FIFO."""
        return self._fd

    def child_end(self) -> int:
        """Open the FIFO once more, blocking. By way of our own descriptor, so that it is surely the same pipe."""
        with contextlib.suppress(OSError):
            return os.open(f"/proc/self/fd/{self._fd}", os.O_RDWR | os.O_CLOEXEC)
        return os.open(self._path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)

    def waiting(self) -> int:
        """Return the bytes in the pipe."""
        fcntl.ioctl(self._fd, termios.FIONREAD, self._count)
        return self._count[0]

    def pump(self) -> int:
        """Splice once what waits, at most what the log has room for; while nothing can be stored, discard it."""
        waiting = self.waiting()
        if self._loss is not None:
            return self._discard(self._loss)
        if not waiting:
            return 0
        if waiting > self.capacity * 3 // 4:
            self._grow()
        try:
            return self._store(waiting)
        except BlockingIOError:
            return 0
        except OSError as error:
            return self._refused(error)

    def close(self) -> None:
        """Close our end; what was lost is told a last time. The pipe lives on while a service holds it."""
        if self._loss is not None:
            self._loss.tell(self._report)
        self._budget.left += self.capacity - self._initial
        os.close(self._fd)

    def _store(self, waiting: int) -> int:
        self._log.settle()
        self._log.stamp()
        wanted = min(waiting, self._log.room())
        if not self._can_splice:
            return self._copy(wanted)
        tail = self._log.tail()
        moved = os.splice(self._fd, self._log.fd, wanted, offset_dst=self._log.end, flags=_SPLICE_FLAGS)
        self._log.landed(moved, tail)
        return moved

    def _copy(self, wanted: int) -> int:
        """Do without splice, on a file system that has none."""
        data = os.read(self._fd, min(wanted, _CHUNK))
        try:
            self._log.write(data)
        except OSError as error:
            self._lose(error).count(data, self._report)
        return len(data)

    def _refused(self, error: OSError) -> int:
        if self._can_splice and error.errno in _NO_SPLICE:
            self._can_splice = False
            return self.pump()
        return self._discard(self._lose(error))

    def _lose(self, error: OSError) -> Loss:
        again = time.monotonic() - self._resumed_at < TELL
        self._loss = Loss(error.strerror or str(error), again=again)
        return self._loss

    def _discard(self, loss: Loss) -> int:
        try:
            data = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            data = b""
        if self._resume(loss, data):
            return len(data)
        loss.count(data, self._report)
        return len(data)

    def _resume(self, loss: Loss, data: bytes) -> bool:
        """Try to store again: what was lost is marked, at a line's start, and the rest of a torn line left out."""
        if time.monotonic() < loss.retry_at:
            return False
        loss.postpone()
        rest = loss.without_torn_head(data)
        if (data and not rest) or not loss.has_space(self._log.path):
            return False
        head = data[: len(data) - len(rest)]
        try:
            self._log.settle()
            start = b"" if self._log.at_line_start() else b"\n"
            self._log.stamp()
            self._log.write(start + loss.mark(head) + rest)
        except OSError as error:
            loss.reason = error.strerror or str(error)
            return False
        self._loss = None
        self._resumed_at = time.monotonic()
        loss.end(head, self._report)
        return True

    def _grow(self) -> None:
        if self._may_grow:
            self._may_grow = False
            self.capacity = self._budget.grow(self._fd, self.capacity)


def _open_fifo(path: str) -> int:
    with contextlib.suppress(FileExistsError):
        try:
            os.mkfifo(path, 0o600)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
            os.mkfifo(path, 0o600)
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EEXIST, "something that is not a FIFO is in the way", path)
    return descriptor


def _capacity(descriptor: int) -> int:
    try:
        return fcntl.fcntl(descriptor, _GET_PIPE_SIZE)
    except OSError:
        return _DEFAULT_PIPE
