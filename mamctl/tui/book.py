"""The last lines that services wrote, and how they lie in the window: bounded, wrapped or not, searched.

Every line has a number that it keeps. `rows` are what the window scrolls over: one for a line, several for a long one
that is wrapped. Adding costs what is added; only another width or filter lays out everything again.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING, Final, NamedTuple

from mamctl.core.errors import UsageError
from mamctl.ui.measure import columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

KEPT: Final = 5_000
# How many are forgotten at once.
BULK: Final = 500
# Characters of a line that are shown; the whole of it is in the file.
LONGEST: Final = 4_000


class Line(NamedTuple):
    """One line: who wrote it, when (the local time of day), and what; `level` is bad, warn or ""."""

    service: str
    at: str
    text: str
    level: str = ""


class Shown(NamedTuple):
    """One row of the window: the number of its line, and which part of the text it has."""

    number: int
    start: int
    stop: int


class LogBook:
    """The last lines. `width` is that of the text in columns, None while lines are not wrapped."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._lines: list[Line] = []
        self._first = 0
        self._only: re.Pattern[str] | None = None
        self.rows: list[Shown] = []
        self.width: int | None = None
        self.widest = 0

    def __len__(self) -> int:
        return len(self._lines)

    def line(self, number: int) -> Line:
        """Return the line of a number that `rows` has."""
        return self._lines[number - self._first]

    def add(self, lines: Iterable[Line]) -> int:
        """Add lines; return how many rows were forgotten at the beginning for that."""
        for line in lines:
            self._lines.append(line)
            self._lay(self._first + len(self._lines) - 1)
        over = len(self._lines) - self._kept
        return self._forget(over + BULK) if over > 0 else 0

    def clear(self) -> None:
        """Forget everything."""
        self._first += len(self._lines)
        self._lines.clear()
        self.rows.clear()
        self.widest = 0

    def shape(self, width: int | None, only: re.Pattern[str] | None) -> None:
        """Lay the lines out anew: for a width, and only those that match."""
        if (width, only) == (self.width, self._only):
            return
        self.width, self._only = width, only
        self.rows.clear()
        self.widest = 0
        for number in range(self._first, self._first + len(self._lines)):
            self._lay(number)

    def matches(self, pattern: re.Pattern[str]) -> list[int]:
        """Return the positions of the first rows of those lines that match."""
        firsts = (index for index, row in enumerate(self.rows) if row.start == 0)
        return [index for index in firsts if pattern.search(self.line(self.rows[index].number).text)]

    def _forget(self, lines: int) -> int:
        self._first += lines
        del self._lines[:lines]
        gone = bisect_left(self.rows, self._first, key=lambda row: row.number)
        del self.rows[:gone]
        return gone

    def _lay(self, number: int) -> None:
        text = self.line(number).text
        if self._only is not None and not self._only.search(text):
            return
        if self.width is None:
            self.widest = max(self.widest, columns(text))
            self.rows.append(Shown(number, 0, len(text)))
            return
        self.rows += (Shown(number, start, stop) for start, stop in folded(text, max(1, self.width)))


def folded(text: str, width: int) -> Iterator[tuple[int, int]]:
    """Yield the parts of a text that fit a width, as positions; an empty text is one part."""
    if text.isascii():
        yield from ((start, min(start + width, len(text))) for start in range(0, max(1, len(text)), width))
        return
    start = used = 0
    for position, character in enumerate(text):
        wide = columns(character)
        if used + wide > width and position > start:
            yield start, position
            start, used = position, 0
        used += wide
    yield start, len(text)


_LEVELS: Final = re.compile(
    r"\b(?:(ERROR|CRITICAL|FATAL|PANIC|Traceback|panic|fatal|error)|(WARN(?:ING)?|warn(?:ing)?))\b"
)


def level_of(text: str) -> str:
    """Return the style of a line by the first word that tells how bad it is; "" for most."""
    found = _LEVELS.search(text[:200])
    if not found:
        return ""
    return "bad" if found[1] else "warn"


def pattern_of(written: str) -> re.Pattern[str]:
    """Return what to search for: a regular expression; small letters mean large ones, too.

    Raises UsageError when it is none.
    """
    try:
        return re.compile(written, re.IGNORECASE if written == written.lower() else 0)
    except re.error as error:
        raise UsageError(f"{written!r} is no regular expression: {error}", "put \\ before special characters") from None
