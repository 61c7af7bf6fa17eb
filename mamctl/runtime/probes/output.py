"""What an incarnation writes, read back from its log for the log probes, over rotations.

A sink's positions are logical: they go on growing when the log is rotated or truncated. Which file holds a position
is told by the header of each file's index.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from mamctl.runtime.logs.files import numbered
from mamctl.runtime.logs.record import read_header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PIECE: Final = 256 * 1024
"""Bytes of one reading: some milliseconds of matching, so that a flood leaves the loop its turns."""


class SinkLike(Protocol):
    """The part of `runtime.logs.sink.Sink` that is used here."""

    start: int

    @property
    def position(self) -> int:
        """The logical position of the log's end."""

    def watch(self, on_output: Callable[[], None]) -> Callable[[], None]:
        """Call back after bytes have landed; return what ends that."""


class _File(NamedTuple):
    path: str
    base: int


class SinkOutput:
    """The output of a sink's current incarnation. Make it after `sink.child_end`; `path`, `index`: the sink's own."""

    def __init__(self, sink: SinkLike, *, path: str, index: str) -> None:
        self._sink = sink
        self._path = path
        self._index = index
        self._start = sink.start

    @property
    def start(self) -> int:
        """The position at which this incarnation began."""
        return self._start

    @property
    def end(self) -> int:
        """The position after the newest byte."""
        return self._sink.position

    def watch(self, on_output: Callable[[], None]) -> Callable[[], None]:
        """Call back in the loop after bytes have landed; return what ends that."""
        return self._sink.watch(on_output)

    def read_new(self, position: int) -> tuple[int, bytes]:
        """Return the next piece from `position` on, at most 256 KiB, and the position after it."""
        if position >= self._sink.position:
            return position, b""
        for file in reversed(list(self._from(position))):
            at = max(position, file.base)
            if piece := _read(file.path, at - file.base):
                return at + len(piece), piece
        return position, b""

    def _from(self, position: int) -> Iterator[_File]:
        """Yield the files that may hold `position` and what follows, the current one first."""
        number = 0
        while header := read_header(numbered(self._index, number)):
            yield _File(numbered(self._path, number), header.base)
            if header.base <= position:
                return
            number += 1


def _read(path: str, offset: int) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return b""
    try:
        return os.pread(descriptor, PIECE, offset)
    finally:
        os.close(descriptor)
