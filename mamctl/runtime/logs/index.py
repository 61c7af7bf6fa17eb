"""Writing an index; `record` tells what is in one and why."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from mamctl.runtime.logs.record import HEADER_SIZE, OPEN_FLAGS, Header, Record, parse_header, whole_records
from mamctl.runtime.logs.stamps import Stamps

if TYPE_CHECKING:
    from collections.abc import Iterable

_CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


class Index:
    """The writer's side of an index. Not thread-safe; one writer per file.

    Records go to their place by position, not by appending: one that a full disk tore is overwritten by the next.
    """

    __slots__ = ("_end", "_fd", "base", "path")

    def __init__(self, path: str, descriptor: int, *, base: int, end: int) -> None:
        self.path = path
        self.base = base
        self._fd = descriptor
        self._end = end

    @classmethod
    def create(cls, path: str, header: Header, records: Iterable[Record] = ()) -> Index:
        """Write a new index beside `path`, then put it in place, so that nobody reads half of one. Raises OSError."""
        beside = path + ".tmp"
        try:
            descriptor = os.open(beside, _CREATE, 0o600)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
            descriptor = os.open(beside, _CREATE, 0o600)
        index = cls(path, descriptor, base=header.base, end=0)
        try:
            index._put(header.pack() + b"".join(record.pack() for record in records))
            os.rename(beside, path)
        except OSError:
            index.close()
            raise
        return index

    @classmethod
    def open(cls, path: str) -> tuple[Index, Header, Stamps] | None:
        """Open the index at `path` to write on, or return None when it is missing or not an index."""
        try:
            descriptor = os.open(path, os.O_RDWR | OPEN_FLAGS)
        except OSError:
            return None
        data = _content(descriptor)
        header = parse_header(data)
        if header is None:
            os.close(descriptor)
            return None
        return cls(path, descriptor, base=header.base, end=whole_records(len(data))), header, Stamps(data[HEADER_SIZE:])

    def record(self, record: Record) -> None:
        """Add a record. Raises OSError; then it may be given again."""
        self._put(record.pack())

    def stamps(self) -> Stamps:
        """Read back all records."""
        return Stamps(_content(self._fd)[HEADER_SIZE:])

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def _put(self, data: bytes) -> None:
        written = os.pwrite(self._fd, data, self._end)
        if written < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)
        self._end += written


def _content(descriptor: int) -> bytes:
    try:
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    except OSError:
        return b""
