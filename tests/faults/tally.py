"""Counts what became of numbered lines: over the log and its rotated files, oldest first."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable, Iterator

LINE = re.compile(rb"(?P<service>\S+) (?P<incarnation>\d+) (?P<number>\d{60})")
OURS = b"[mamctl] "
MARK = re.compile(rb"\[mamctl\] dropped (?P<lines>[\d,]+) lines?")
COUNT = struct.Struct("q")


@dataclass
class Tally:
    """`lost`: written and in no file. `doubled`: there twice, or out of order. `torn`: not a line of the writer's.

    A line that a full disk cut is not torn when the mark of the loss stands right behind it; `dropped` is the sum of
    what such marks say.
    """

    lines: int = 0
    lost: int = 0
    doubled: int = 0
    torn: int = 0
    nuls: int = 0
    dropped: int = 0
    _next: dict[tuple[str, int], int] = field(default_factory=dict)

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.lines + other.lines,
            self.lost + other.lost,
            self.doubled + other.doubled,
            self.torn + other.torn,
            self.nuls + other.nuls,
            self.dropped + other.dropped,
        )

    def read(self, lines: Iterable[bytes], *, cut: bool) -> None:
        """Take lines in. `cut`: the user took the beginning away, so any number may be the first."""
        torn = False
        for line in lines:
            self.nuls += line.count(b"\0")
            found = LINE.fullmatch(line.rstrip(b"\n"))
            if mark := MARK.match(line):
                self.dropped += int(mark["lines"].replace(b",", b""))
                self.torn -= torn
            torn = False
            if found is not None and line.endswith(b"\n"):
                self._take(found["service"].decode(), int(found["incarnation"]), int(found["number"]), cut=cut)
            elif not line.startswith(OURS):
                torn = True
                self.torn += 1

    def first(self, service: str, incarnation: int, number: int) -> None:
        """Expect the numbers of an incarnation from this one on."""
        self._next[service, incarnation] = number

    def _take(self, service: str, incarnation: int, number: int, *, cut: bool) -> None:
        self.lines += 1
        expected = self._next.get((service, incarnation), number if cut else 0)
        if number < expected:
            self.doubled += 1
            return
        self.lost += number - expected
        self._next[service, incarnation] = number + 1

    def finish(self, service: str, incarnation: int, written: int) -> None:
        """Compare the last number with how many lines were written."""
        self.lost += max(0, written - self._next.get((service, incarnation), 0))


def written(folder: pathlib.Path, service: str) -> dict[int, int]:
    """Return how many lines each incarnation of a service wrote."""
    counts = {}
    for path in folder.glob(f"{service}.*.written"):
        data = path.read_bytes()
        # A writer that is killed in between has made its file but no room in it yet; then it has written nothing.
        counts[int(path.suffixes[-2][1:])] = COUNT.unpack(data)[0] if len(data) == COUNT.size else 0
    return counts


def tally(logs: pathlib.Path, folder: pathlib.Path, service: str, *, cut: bool = False, stream: str = "") -> Tally:
    """Count the lines of a service, with those that its writers (see writer.py) noted in `folder`.

    `stream`: `.err` for the other one of split streams.
    """
    found = Tally()
    found.read(stored(logs, service + stream), cut=cut)
    for incarnation, count in written(folder, service).items():
        found.finish(service, incarnation, count)
    return found


def stored(logs: pathlib.Path, service: str) -> Iterator[bytes]:
    """Yield the lines of a log with its rotated files, from the oldest on."""
    rotated = sorted(logs.glob(f"{service}.log.*[0-9]"), key=lambda path: -int(path.suffix[1:]))
    for path in (*rotated, logs / f"{service}.log"):
        if path.exists():
            with path.open("rb") as file:
                yield from file
