"""The records of an index, found again by offset or by time."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final, NamedTuple

from mamctl.runtime.logs.record import RECORD_SIZE, Record, parse_record

# How many records are looked at to find where an incarnation began: at least 20 s of its writing.
FAR_ENOUGH: Final = 10_000


class Span(NamedTuple):
    """The record that covers an offset, and the offset at which the next one begins (None: it is the last)."""

    record: Record | None
    until: int | None


class _DamagedRecord(Exception):
    """A record whose checksum is wrong was looked at."""


class Stamps:
    """The records of one index; those that nobody asks for are never unpacked.

    Damage is noticed when a damaged record is looked at; then all bad ones are sifted out at once.
    """

    __slots__ = ("_data", "_here", "_number", "_there")

    def __init__(self, data: bytes = b"") -> None:
        self._data = bytearray(data[: len(data) // RECORD_SIZE * RECORD_SIZE])
        # Where we stand: the record looked up last (number -1: before the first; None: nowhere) and the next one.
        self._number: int | None = None
        self._here: Record | None = None
        self._there: Record | None = None

    def extend(self, data: bytes) -> None:
        """Add whole records that were written since."""
        self._data += data
        self._number = None

    def __len__(self) -> int:
        return len(self._data) // RECORD_SIZE

    def span(self, offset: int) -> Span:
        """Return the last record at or before `offset` with its reach; no record when the first lies behind it."""
        try:
            return self._span(offset)
        except _DamagedRecord:
            self._sift()
            return self._span(offset)

    def first(self) -> Record | None:
        """Return the first record that can be trusted."""
        try:
            return self._record(0) if len(self) else None
        except _DamagedRecord:
            self._sift()
            return self.first()

    def edges(self, start: int, stop: int) -> list[int]:
        """Return the offsets between `start` and `stop` (exclusive) at which another generation begins."""
        first, last = self.span(start), self.span(stop - 1)
        if first.until is None or first.until >= stop or _generation(first) == _generation(last):
            return []
        found, span = [], first
        while span.until is not None and span.until < stop:
            following = self.span(span.until)
            if span.record and _generation(following) != _generation(span):
                found.append(span.until)
            span = following
        return found

    def offset_at(self, at: int) -> int:
        """Return an offset before which everything arrived earlier than `at` (nanoseconds)."""
        try:
            number = bisect_right(range(len(self)), at - 1, key=lambda n: self._record(n).at) - 1
        except _DamagedRecord:
            self._sift()
            return self.offset_at(at)
        return self._record(number).offset if number >= 0 else 0

    def beginning(self, generation: int) -> int | None:
        """Return the offset at which the last generation begins, looking not too far back; None if it is another."""
        try:
            return self._beginning(generation)
        except _DamagedRecord:
            self._sift()
            return self.beginning(generation)

    def records(self, start: int = 0) -> list[Record]:
        """Return what tells about the bytes from `start` on: the record that covers it, cut to it, and all later."""
        try:
            return self._records(start)
        except _DamagedRecord:
            self._sift()
            return self._records(start)

    def _records(self, start: int) -> list[Record]:
        self._place(start)
        found = [self._record(number) for number in range(max(self._number or 0, 0), len(self))]
        return [record._replace(offset=max(record.offset, start)) for record in found]

    def _beginning(self, generation: int) -> int | None:
        number = len(self)
        least = max(0, number - FAR_ENOUGH)
        while number > least and self._record(number - 1).generation == generation:
            number -= 1
        return self._record(number).offset if number < len(self) else None

    def _span(self, offset: int) -> Span:
        self._place(offset)
        return Span(self._here, self._there.offset if self._there else None)

    def _place(self, offset: int) -> None:
        """Stand at the last record at or before `offset`; quick when that is where we stand, or the next one."""
        if self._number is not None and self._there is not None and self._there.offset <= offset:
            self._stand(self._number + 1, self._there)
        if self._number is None or not self._covers(offset):
            number = bisect_right(range(len(self)), offset, key=lambda n: self._record(n).offset) - 1
            self._stand(number, self._record(number) if number >= 0 else None)

    def _covers(self, offset: int) -> bool:
        if self._here is not None and self._here.offset > offset:
            return False
        return self._there is None or self._there.offset > offset

    def _stand(self, number: int, here: Record | None) -> None:
        self._number, self._here = number, here
        self._there = self._record(number + 1) if number + 1 < len(self) else None

    def _record(self, number: int) -> Record:
        record = parse_record(self._data, number)
        if record is None:
            raise _DamagedRecord
        return record

    def _sift(self) -> None:
        """Keep what can be trusted: records with a right checksum whose offsets do not fall."""
        kept, least = bytearray(), 0
        for number in range(len(self)):
            record = parse_record(self._data, number)
            if record is not None and record.offset >= least:
                kept += record.pack()
                least = record.offset
        self._data = kept
        self._number = None


def _generation(span: Span) -> int:
    return span.record.generation if span.record else 0
