"""What goes both ways over an attached connection, once HTTP is over: frames of a kind, a length and so many bytes.

    d <4 bytes: length> <bytes>         what is typed; what the terminal shows
    s 4 <2 bytes: rows, 2: columns>     from the client: the size of its terminal
    n <4 bytes: length> <JSON>          from the server: how it stands (`position`, `skipped`, `exited`, `error`)

Numbers are big-endian. Used by the supervisor and by the command line, so it imports nothing that takes time.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

PROTOCOL: Final = "mamctl-terminal"
"""What stands in the header Upgrade."""
DATA: Final = b"d"
SIZE: Final = b"s"
NOTE: Final = b"n"
LARGEST: Final = 1 << 16
"""Bytes of one frame's content."""
LARGEST_SIDE: Final = 10_000
"""Rows or columns of a terminal, at most."""
_HEAD: Final = struct.Struct(">cI")
_SIZE: Final = struct.Struct(">HH")


class Frame(NamedTuple):
    """One frame: its kind and content."""

    kind: bytes
    content: bytes


def data(content: bytes) -> bytes:
    """Return bytes as frames."""
    pieces = (content[start : start + LARGEST] for start in range(0, len(content), LARGEST))
    return b"".join(_HEAD.pack(DATA, len(piece)) + piece for piece in pieces)


def size(rows: int, columns: int) -> bytes:
    """Return the frame that tells a terminal's size."""
    return _HEAD.pack(SIZE, _SIZE.size) + _SIZE.pack(min(rows, LARGEST_SIDE), min(columns, LARGEST_SIDE))


def note(document: dict[str, Any]) -> bytes:
    """Return the frame that tells how it stands."""
    content = json.dumps(document).encode()
    return _HEAD.pack(NOTE, len(content)) + content


def read_size(content: bytes) -> tuple[int, int]:
    """Return rows and columns. Raises ValueError for what is no size."""
    if len(content) != _SIZE.size:
        raise ValueError(f"a size has {_SIZE.size} bytes, not {len(content)}")
    rows, columns = _SIZE.unpack(content)
    if not (0 < rows <= LARGEST_SIDE and 0 < columns <= LARGEST_SIDE):
        raise ValueError(f"{rows} rows and {columns} columns are no size")
    return rows, columns


class Frames:
    """Takes bytes as they come, and gives what is complete. `kinds`: those that the other side may send."""

    def __init__(self, kinds: bytes) -> None:
        self._kinds = kinds
        self._bytes = bytearray()

    def feed(self, received: bytes) -> Iterator[Frame]:
        """Yield the frames that are complete now. Raises ValueError for what is none."""
        self._bytes += received
        while len(self._bytes) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._bytes)
            if kind not in self._kinds or length > LARGEST:
                raise ValueError(f"no frame begins with {bytes(self._bytes[: _HEAD.size])!r}")
            end = _HEAD.size + length
            if len(self._bytes) < end:
                return
            content = bytes(self._bytes[_HEAD.size : end])
            del self._bytes[:end]
            yield Frame(kind, content)
