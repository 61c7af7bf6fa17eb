"""Bytes of a log and their stamps, made into lines.

A line ends at its newline, or where the next incarnation begins: what a service wrote last before it was killed is a
line of its own, though the file, which holds exactly what was written, shows no end there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mamctl.runtime.logs.files import LogFiles
    from mamctl.runtime.logs.stamps import Stamps


class Line(NamedTuple):
    """One line of output, without its newline.

    `at`: seconds since the epoch at which its first bytes arrived. `position` and `end`: logical positions of its
    first byte and of what follows it. `ended`: not the beginning of a line that is still being written.
    """

    service: str
    generation: int
    stream: str
    at: float
    line: bytes
    position: int
    end: int
    ended: bool


class Piece(NamedTuple):
    """A line between two offsets; `end` lies behind its newline, if it has one."""

    start: int
    end: int
    text: bytes
    ended: bool


def pieces(data: bytes, offset: int, stamps: Stamps) -> Iterator[Piece]:
    """Split `data`, which lies at `offset`; at most the last piece is not ended."""
    start = offset
    for edge in stamps.edges(offset, offset + len(data) + 1) if data else ():
        yield from _split(data[start - offset : edge - offset], start, closed=True)
        start = edge
    yield from _split(data[start - offset :], start, closed=False)


def stamped(found: Iterator[Piece], files: LogFiles, stamps: Stamps, *, base: int, otherwise: float) -> Iterator[Line]:
    """Make lines of pieces; `otherwise` is the time (seconds) of those that no record covers."""
    until: int | None = -1
    at, generation = otherwise, 0
    for piece in found:
        if until is not None and piece.start >= until:
            record, until = stamps.span(piece.start)
            at, generation = (record.at / 1e9, record.generation) if record else (otherwise, 0)
        place = (base + piece.start, base + piece.end)
        yield Line(files.service, generation, files.stream, at, piece.text, *place, piece.ended)


def _split(data: bytes, offset: int, *, closed: bool) -> Iterator[Piece]:
    *whole, rest = data.split(b"\n")
    for text in whole:
        end = offset + len(text) + 1
        yield Piece(offset, end, text, ended=True)
        offset = end
    if rest:
        yield Piece(offset, offset + len(rest), rest, closed)
