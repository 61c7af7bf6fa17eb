"""The bytes of an index: its header and its records.

A log holds exactly what its service wrote, so times and generations live beside it:

    header   magic, inode of the log, base, inode and size of the log before (for recovery), checksum     48 bytes
    record   offset, wall time in ns, generation, checksum: "from this offset on, this arrived then"      24 bytes
    record   ...

A record is written ahead of the bytes that it describes, so no byte lacks one when the writer is killed between the
two; the next record at the same offset then overrules it. `base` is the logical position of the log's first byte:
positions only grow, over rotations and over what others do to the file, which makes them usable as cursors. Every
record carries its own checksum at a fixed place: damage costs the times of some lines, never a line.
"""

from __future__ import annotations

import os
import struct
from typing import Final, NamedTuple
from zlib import crc32

_MAGIC: Final = b"mamidx1\n"
_HEADER: Final = struct.Struct("<8sQQQQII")
_RECORD: Final = struct.Struct("<QqII")
_BODY: Final = _RECORD.size - 4
HEADER_SIZE: Final = _HEADER.size
RECORD_SIZE: Final = _RECORD.size
OPEN_FLAGS: Final = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Header(NamedTuple):
    """Whose index this is. `previous` and `cut`: inode and final size of the log that was rotated away before it."""

    inode: int
    base: int
    previous: int = 0
    cut: int = 0

    def pack(self) -> bytes:
        """Return the bytes of the header."""
        head = _HEADER.pack(_MAGIC, *self, 0, 0)[:-4]
        return head + struct.pack("<I", crc32(head))


class Record(NamedTuple):
    """From byte `offset` on: arrived at `at` (nanoseconds since the epoch), written by incarnation `generation`."""

    offset: int
    at: int
    generation: int

    def pack(self) -> bytes:
        """Return the bytes of the record."""
        body = _RECORD.pack(*self, 0)[:_BODY]
        return body + struct.pack("<I", crc32(body))


def parse_header(data: bytes) -> Header | None:
    """Return the header at the start of `data`, or None when it is not one."""
    if len(data) < HEADER_SIZE:
        return None
    magic, inode, base, previous, cut, _, checksum = _HEADER.unpack_from(data)
    if magic != _MAGIC or checksum != crc32(data[: HEADER_SIZE - 4]):
        return None
    return Header(inode, base, previous, cut)


def parse_record(data: bytes | bytearray, number: int) -> Record | None:
    """Return the record with this number in `data`, or None when its checksum is wrong."""
    start = number * RECORD_SIZE
    offset, at, generation, checksum = _RECORD.unpack_from(data, start)
    if checksum != crc32(data[start : start + _BODY]):
        return None
    return Record(offset, at, generation)


def whole_records(size: int) -> int:
    """Return the size of an index of `size` bytes without the torn record at its end."""
    return HEADER_SIZE + max(0, size - HEADER_SIZE) // RECORD_SIZE * RECORD_SIZE


def read_header(path: str) -> Header | None:
    """Return the header of the index at `path`, or None when there is none that can be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | OPEN_FLAGS)
    except OSError:
        return None
    try:
        return parse_header(os.pread(descriptor, HEADER_SIZE, 0))
    except OSError:
        return None
    finally:
        os.close(descriptor)
