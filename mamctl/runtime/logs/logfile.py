"""The file that a stream lands in: where it ends, what others did to it, when it is full."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from typing import TYPE_CHECKING, Final

from mamctl.runtime.crashpoints import crash_point
from mamctl.runtime.logs import hole, rotation
from mamctl.runtime.logs.files import numbered, unborn
from mamctl.runtime.logs.index import Index
from mamctl.runtime.logs.notices import Notice, Reset, Rotated, Trouble
from mamctl.runtime.logs.record import Header, Record, read_header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mamctl.core.manifest.model import Logs

# Two records are at least this far apart, in ns: it bounds the index, and nobody reads times finer.
PERIOD: Final = 2_000_000
# A line is kept in one file by rotation when it is no longer than this, in bytes.
LONGEST: Final = 1 << 20
# What may follow a file that is full but does not end with a line, before the end is looked at again.
_OVERTIME: Final = 1 << 16
_UNLIMITED: Final = 1 << 30
_RETRY: Final = 1.0
_OPEN: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def open_log(path: str) -> int:
    """Open the log at `path` to write, creating it (0600) and its folder. Raises OSError that says what is wrong."""
    try:
        descriptor = _opened(path)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise OSError(error.errno, "the log is a symbolic link, which is refused", path) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "the log is not a regular file", path)
    return descriptor


def _opened(path: str) -> int:
    try:
        return os.open(path, _OPEN, 0o600)
    except FileNotFoundError:
        # Asked for only now: nearly always the folder is there, and hundreds of services start at once.
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        return os.open(path, _OPEN, 0o600)


class LogFile:
    """A log being written, with its index. One writer; `end` is the offset at which the next byte goes."""

    def __init__(self, path: str, index: str, policy: Logs, report: Callable[[Notice], None]) -> None:
        self.path = path
        self.policy = policy
        self.generation = 0
        self.end = 0
        self._index_path = index
        self._report = report
        self._stamped_at: int | None = None
        self._rotate_after = 0.0
        self._index_well = True
        rotation.finish(path, index, policy.keep)
        self.fd = open_log(path)
        try:
            self._index = self._resume()
        except OSError:
            os.close(self.fd)
            raise

    @property
    def position(self) -> int:
        """The logical position of the end: it only grows, over rotations and truncations."""
        return self._index.base + self.end

    def begin(self, generation: int) -> int:
        """Let a new incarnation begin here; return the position."""
        self.generation = generation
        if not os.path.lexists(self._index_path):
            # Somebody removed it; the records that we still hold are worth a new one.
            self._rebase(self.position, self.end, self._index.stamps().records())
        self._stamped_at = None
        self.stamp()
        return self.position

    def beginning(self, generation: int) -> int:
        """Return the position at which the last incarnation began, as far as this file goes back."""
        offset = self._index.stamps().beginning(generation)
        return self.position if offset is None else self._index.base + offset

    def stamp(self) -> None:
        """Write down, ahead of the bytes, that they arrive now. A failure costs times only, and is told once."""
        now = time.time_ns()
        # The absolute distance, because a clock that was set back must not silence the index for an hour.
        if self._stamped_at is not None and abs(now - self._stamped_at) < PERIOD:
            return
        try:
            self._index.record(Record(self.end, now, self.generation))
        except OSError as error:
            self._index_failed(error)
            return
        self._stamped_at = now
        self._index_well = True

    def room(self) -> int:
        """Return how many bytes may come before it is to be asked whether the log is full."""
        if self.policy.max_size <= 0:
            return _UNLIMITED
        left = self.policy.max_size - self.end
        return left if left > 0 else _OVERTIME

    def tail(self) -> bytes:
        """Return the last bytes, for `landed`: by them it sees that somebody truncated the log meanwhile."""
        return hole.before(self.fd, self.end)

    def landed(self, count: int, tail: bytes | None = None) -> None:
        """Take note of `count` new bytes at the end (after `tail`), and rotate when the log is full. Raises OSError."""
        if tail is not None and (start := hole.close_gap(self.fd, self.end, count, tail)) != self.end:
            self._restart(start, "truncated")
            count = os.fstat(self.fd).st_size - start
        self.end += count
        if 0 < self.policy.max_size <= self.end and time.monotonic() >= self._rotate_after:
            self.rotate()

    def write(self, data: bytes) -> None:
        """Put `data` at the end: all of it or, with an OSError, nothing."""
        tail = self.tail()
        try:
            written = 0
            while written < len(data):
                written += os.pwrite(self.fd, data[written:], self.end + written)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self.fd, self.end)
            raise
        self.landed(len(data), tail)

    def at_line_start(self) -> bool:
        """Tell whether the next byte begins a line."""
        return self.end == 0 or os.pread(self.fd, 1, self.end - 1) == b"\n"

    def settle(self) -> None:
        """Find out what others did to the log, and go on in what is there now. Raises OSError."""
        try:
            status = os.lstat(self.path)
        except FileNotFoundError:
            self._reopen("removed")
            return
        if status.st_ino != self._inode:
            self._reopen("replaced")
        elif status.st_size < self.end:
            self._restart(status.st_size, "truncated")
        elif status.st_size > self.end:
            self.end = status.st_size

    def rotate(self) -> bool:
        """Make the log number 1, cut after its last whole line; what follows begins the new log. False: it failed."""
        try:
            cut = self._cut()
            if cut is None:
                return True
            self._rotate_at(cut)
        except OSError as error:
            rotation.discard(self.path, self._index_path)
            self._rotate_after = time.monotonic() + _RETRY
            self._report(Trouble(f"cannot rotate {self.path}: {error.strerror}"))
            return False
        self._report(Rotated(numbered(self.path, min(1, self.policy.keep))))
        return True

    def close(self) -> None:
        """Close the log and its index."""
        os.close(self.fd)
        self._index.close()

    def _resume(self) -> Index:
        """Go on with the index of this very file, or begin one: what is there already counts as one old piece."""
        status = os.fstat(self.fd)
        self.end, self._inode = status.st_size, status.st_ino
        found = Index.open(self._index_path)
        if found is None:
            return self._begin_index(self._base_after_rotated(), self._existing(status.st_mtime_ns))
        index, header, stamps = found
        last = stamps.span(1 << 63).record
        self.generation = last.generation if last else 0
        reached = last.offset if last else 0
        if header.inode == self._inode and reached <= self.end:
            return index
        index.close()
        # Positions must not fall, whatever happened to the log while nobody wrote it.
        return self._begin_index(max(0, header.base + reached - self.end), self._existing(status.st_mtime_ns))

    def _existing(self, at: int) -> list[Record]:
        """Return what tells of the bytes that are there, and, for the supervisor after us, of the incarnation."""
        return [Record(0, at, self.generation)] if self.end or self.generation else []

    def _base_after_rotated(self) -> int:
        header = read_header(numbered(self._index_path, 1))
        if header is None:
            return 0
        with contextlib.suppress(OSError):
            return header.base + os.lstat(numbered(self.path, 1)).st_size
        return header.base

    def _begin_index(self, base: int, records: Iterable[Record] = ()) -> Index:
        self._stamped_at = None
        return Index.create(self._index_path, Header(self._inode, base), records)

    def _reopen(self, reason: str) -> None:
        descriptor = open_log(self.path)
        os.close(self.fd)
        position = self.position
        self.fd = descriptor
        status = os.fstat(descriptor)
        self._inode = status.st_ino
        self._rebase(position, status.st_size, [Record(0, time.time_ns(), self.generation)])
        self._report(Reset(reason))

    def _restart(self, size: int, reason: str) -> None:
        kept = [record for record in self._index.stamps().records() if record.offset < size]
        self._rebase(self.position, size, kept or [Record(0, time.time_ns(), self.generation)])
        self._report(Reset(reason))

    def _rebase(self, position: int, size: int, records: list[Record]) -> None:
        """Begin a new index in which the file's end, now at `size`, has the position `position`."""
        self.end = size
        try:
            index = self._begin_index(max(0, position - size), records)
        except OSError as error:
            self._index.base = max(0, position - size)
            self._index_failed(error)
            return
        self._index.close()
        self._index = index

    def _index_failed(self, error: OSError) -> None:
        if self._index_well:
            self._report(Trouble(f"cannot write {self._index_path}: {error.strerror}"))
        self._index_well = False

    def _cut(self) -> int | None:
        """Find where the log may end: after its last newline, or at its end when one line is too long to wait for."""
        floor = max(0, self.end - LONGEST)
        stop = self.end
        while stop > floor:
            start = max(floor, stop - _OVERTIME)
            found = os.pread(self.fd, stop - start, start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            stop = start
        return self.end if self.end - floor >= LONGEST else None

    def _rotate_at(self, cut: int) -> None:
        tail = os.pread(self.fd, self.end - cut, cut)
        descriptor, index = self._prepare(cut, tail)
        try:
            os.ftruncate(self.fd, cut)
            crash_point("mid_rotate")
            rotation.swap(self.path, self._index_path, self.policy.keep)
        except OSError:
            os.pwrite(self.fd, tail, cut)
            os.close(descriptor)
            index.close()
            raise
        os.close(self.fd)
        self._index.close()
        index.path = self._index_path
        self.fd, self._index, self.end = descriptor, index, len(tail)
        self._inode = os.fstat(descriptor).st_ino
        self._stamped_at = None

    def _prepare(self, cut: int, tail: bytes) -> tuple[int, Index]:
        """Write the log to come, with the unfinished line, and its index."""
        descriptor = open_log(unborn(self.path))
        try:
            os.ftruncate(descriptor, 0)
            _write_whole(descriptor, tail)
            header = Header(os.fstat(descriptor).st_ino, self._index.base + cut, self._inode, cut)
            moved = [record._replace(offset=record.offset - cut) for record in self._index.stamps().records(cut)]
            return descriptor, Index.create(unborn(self._index_path), header, moved)
        except OSError:
            os.close(descriptor)
            raise


def _write_whole(descriptor: int, data: bytes) -> None:
    """Write `data` at the start of a file. A short write is a full disk."""
    if os.pwrite(descriptor, data, 0) < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
