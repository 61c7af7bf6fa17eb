"""The log of a stream and the older ones that were rotated away, opened together with their indexes."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING, Final

from mamctl.runtime.logs.files import numbered, unborn
from mamctl.runtime.logs.lines import Line, Piece, pieces, stamped
from mamctl.runtime.logs.record import HEADER_SIZE, OPEN_FLAGS, RECORD_SIZE, parse_header, whole_records
from mamctl.runtime.logs.stamps import Stamps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mamctl.runtime.logs.files import LogFiles

# While a shift is under way one number is free; two free ones in a row are the end.
_GAPS: Final = 2


class Reading:
    """One log file opened to be read, with its index where there is one. Close it."""

    def __init__(self, files: LogFiles, descriptor: int, number: int) -> None:
        self.files = files
        self.fd = descriptor
        status = os.fstat(descriptor)
        self.key = (status.st_dev, status.st_ino)
        self.base = 0
        self.stamps = Stamps()
        self.indexed = False
        self._number = number
        self._index: int | None = None
        self._index_read = HEADER_SIZE
        self._changed = status.st_mtime
        self.refresh()

    def size(self) -> int:
        """Return how long the log is now."""
        return os.fstat(self.fd).st_size

    def read(self, offset: int, count: int) -> bytes:
        """Return at most `count` bytes from `offset`; nothing when they cannot be read."""
        try:
            return os.pread(self.fd, count, offset)
        except OSError:
            return b""

    def refresh(self) -> None:
        """Read what the index has more by now; look for another index when this one was replaced."""
        if self._index is None or not os.fstat(self._index).st_nlink:
            self._find_index()
        if self._index is None:
            return
        size = whole_records(os.fstat(self._index).st_size)
        if size > self._index_read:
            with contextlib.suppress(OSError):
                more = os.pread(self._index, size - self._index_read, self._index_read)
                whole = len(more) // RECORD_SIZE * RECORD_SIZE
                self.stamps.extend(more[:whole])
                self._index_read += whole

    def pieces(self, offset: int, data: bytes) -> Iterator[Piece]:
        """Split `data`, read at `offset`, into lines."""
        return pieces(data, offset, self.stamps)

    def lines(self, found: Iterator[Piece]) -> Iterator[Line]:
        """Give pieces their time and generation."""
        return stamped(found, self.files, self.stamps, base=self.base, otherwise=self._otherwise())

    def close(self) -> None:
        """Close the log and its index."""
        os.close(self.fd)
        self._drop_index()

    def _otherwise(self) -> float:
        """Return the time of lines without a record: the file's, but not later than what follows them."""
        first = self.stamps.first()
        return min(self._changed, first.at / 1e9) if first else self._changed

    def _find_index(self) -> None:
        """Find the index that names our inode; rotation may be moving it just now."""
        name, number = self.files.index, self._number
        beside = [numbered(name, n) for n in (number, number + 1, max(0, number - 1), 0)]
        for path in (*dict.fromkeys(beside), unborn(name)):
            if self._take_index(path):
                return

    def _take_index(self, path: str) -> bool:
        try:
            descriptor = os.open(path, os.O_RDONLY | OPEN_FLAGS)
        except OSError:
            return False
        header = parse_header(_start(descriptor))
        if header is None or header.inode != self.key[1]:
            os.close(descriptor)
            return False
        self._drop_index()
        self._index, self._index_read = descriptor, HEADER_SIZE
        self.base, self.stamps, self.indexed = header.base, Stamps(), True
        return True

    def _drop_index(self) -> None:
        if self._index is not None:
            os.close(self._index)
            self._index = None


def open_reading(files: LogFiles, number: int) -> Reading | None:
    """Open the log with this number (0: the current one), or return None when there is none that can be read."""
    try:
        descriptor = os.open(numbered(files.path, number), os.O_RDONLY | OPEN_FLAGS)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return Reading(files, descriptor, number)


def open_chain(files: LogFiles) -> list[Reading]:
    """Open the logs of a stream, oldest first; the caller closes them.

    They are opened newest first: files only ever move to higher numbers, so a rotation meanwhile shows one of them
    twice, which is noticed, and hides none.
    """
    found: dict[tuple[int, int], Reading] = {}
    number = gaps = 0
    while gaps < _GAPS:
        reading = open_reading(files, number)
        gaps = 0 if reading else gaps + 1
        number += 1
        if reading and found.setdefault(reading.key, reading) is not reading:
            reading.close()
    return _placed(list(found.values())[::-1])


@contextlib.contextmanager
def chain(files: LogFiles) -> Iterator[list[Reading]]:
    """Open the logs of a stream, oldest first, and close them after use."""
    readings = open_chain(files)
    try:
        yield readings
    finally:
        for reading in readings:
            reading.close()


def numbers(files: LogFiles) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield number and (device, inode) of the logs of a stream, newest first."""
    number = gaps = 0
    while gaps < _GAPS:
        try:
            status = os.lstat(numbered(files.path, number))
        except OSError:
            gaps += 1
        else:
            gaps = 0
            yield number, (status.st_dev, status.st_ino)
        number += 1


def _placed(ordered: list[Reading]) -> list[Reading]:
    """Let a log without an index begin where the older one ends."""
    position = 0
    for reading in ordered:
        if not reading.indexed:
            reading.base = position
        position = reading.base + reading.size()
    return ordered


def _start(descriptor: int) -> bytes:
    try:
        return os.pread(descriptor, HEADER_SIZE, 0)
    except OSError:
        return b""
