"""The way of a follower along one log: which file, which offset, and what comes after its end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from mamctl.runtime.logs.chain import Reading, numbers, open_chain, open_reading
from mamctl.runtime.logs.files import numbered

if TYPE_CHECKING:
    from mamctl.runtime.logs.files import LogFiles
    from mamctl.runtime.logs.lines import Line, Piece

LONGEST: Final = 1 << 16
"""A line longer than this, in bytes, is given cut."""
CUT: Final = b" [mamctl] line cut at 64 KiB"
"""What ends a line that was cut."""
_WINDOW: Final = 1 << 20
_TOO_FAR: Final = 16 << 20
# How many files one poll may pass: rotation makes few, a foreign hand perhaps many.
_STEPS: Final = 16


class Trail:
    """One log being followed."""

    def __init__(self, files: LogFiles, position: int | None, *, from_now: bool) -> None:
        self.files = files
        self.skipped = 0
        self.missed = 0
        self.pending = False
        self._reading: Reading | None = None
        self._offset = 0
        self._wanted = 0 if position is None and not from_now else position
        # In the middle of a line whose head has been given: the rest of it is passed over.
        self._passing = False
        # The file has a successor, so what it holds now is all.
        self._final = False
        if self._enter() and self._wanted is None:
            self._offset = self._last_line_start()
        # What is created later is read from its beginning.
        self._wanted = self._wanted or 0

    @property
    def position(self) -> int:
        """The logical position up to which lines were given."""
        return self._reading.base + self._offset if self._reading else self._wanted or 0

    def poll(self, *, rest: bool) -> list[Line]:
        """Return the next lines, of at most _WINDOW bytes."""
        self.pending = False
        for _ in range(_STEPS):
            if self._reading is None and not self._enter():
                return []
            found = self._take(rest=rest)
            if found:
                self.pending = self.pending or self._has_successor(self._file())
            if found or self.pending or not self._advance():
                return found
        self.pending = True
        return []

    def close(self) -> None:
        """Close the file."""
        if self._reading:
            self._reading.close()
            self._reading = None

    def _enter(self) -> bool:
        """Open the file that holds the wanted position; the newest one, if none was wanted."""
        readings = open_chain(self.files)
        if not readings:
            return False
        chosen = readings[-1]
        if self._wanted is not None:
            chosen = next((it for it in readings if it.base + it.size() > self._wanted), chosen)
            self.missed += max(0, chosen.base - self._wanted) if self._wanted else 0
            self._offset = max(0, min(self._wanted - chosen.base, chosen.size()))
        for reading in readings:
            if reading is not chosen:
                reading.close()
        self._reading = chosen
        self._final = False
        return True

    def _last_line_start(self) -> int:
        """Return where the unfinished line begins, or the end when there is none."""
        reading = self._file()
        size = reading.size()
        start = max(0, size - _WINDOW)
        newline = reading.read(start, size - start).rfind(b"\n")
        return start + newline + 1 if newline >= 0 or not start else size

    def _file(self) -> Reading:
        assert self._reading is not None
        return self._reading

    def _take(self, *, rest: bool) -> list[Line]:
        """Return the lines of the next window of this file."""
        self._catch_up()
        reading = self._file()
        data = reading.read(self._offset, _WINDOW)
        # The index is read after the bytes, as it is written ahead of them: so it covers them.
        if self._refresh() or not data:
            return []
        self.pending = len(data) == _WINDOW
        found = list(reading.pieces(self._offset, data))
        if not found[-1].ended and not self._taken_as_it_is(found[-1], rest=rest):
            found.pop()
        if not found:
            return []
        self._offset = found[-1].end
        return list(reading.lines(iter(self._fit(found))))

    def _taken_as_it_is(self, piece: Piece, *, rest: bool) -> bool:
        return rest or self._final or self._passing or len(piece.text) > LONGEST

    def _fit(self, found: list[Piece]) -> list[Piece]:
        """Leave out the rest of a line whose head was given, and cut what is too long."""
        if self._passing:
            self._passing = not found[0].ended
            del found[0]
        if found and not found[-1].ended:
            self._passing = len(found[-1].text) > LONGEST
        return [
            piece._replace(text=piece.text[:LONGEST] + CUT) if len(piece.text) > LONGEST else piece for piece in found
        ]

    def _refresh(self) -> bool:
        """Read the index on; tell whether the log was truncated, so that the offset is another one now."""
        reading = self._file()
        known, base, size = reading.indexed, reading.base, reading.size()
        reading.refresh()
        if known and reading.base != base:
            self._offset = max(0, min(base + self._offset - reading.base, size))
            self.pending = True
            return True
        if not reading.indexed and size < self._offset:
            self._offset = 0
            self.pending = True
            return True
        return False

    def _advance(self) -> bool:
        """Go on to the file after this one; tell whether there is anything to read now."""
        reading = self._file()
        if not self._has_successor(reading):
            return False
        if not self._final:
            # Something may have been added between our last look and the rename.
            self._final = True
            return True
        following = self._following(reading)
        if following is None:
            return False
        if following[1] == reading.key:
            return self._lose_way()
        successor = self._opened(*following)
        if successor is None:
            return False
        self._switch(reading, successor)
        return True

    def _lose_way(self) -> bool:
        """Go on at the oldest log there is: ours was removed, and perhaps those after it too."""
        self._wanted = self.position
        self.close()
        return self._enter()

    def _has_successor(self, reading: Reading) -> bool:
        try:
            status = os.lstat(self.files.path)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) != reading.key

    def _following(self, reading: Reading) -> tuple[int, tuple[int, int]] | None:
        """Return number and key of the log after this one; those of a log that is gone are its own.

        None: the renames of a rotation are under way.
        """
        newer: tuple[int, tuple[int, int]] | None = None
        for number, key in numbers(self.files):
            if key == reading.key:
                return newer
            newer = number, key
        return -1, reading.key

    def _opened(self, number: int, key: tuple[int, int]) -> Reading | None:
        """Open the log with this number, unless a rotation has put another one there meanwhile."""
        found = open_reading(self.files, number)
        if found and found.key != key:
            found.close()
            return None
        return found

    def _switch(self, reading: Reading, successor: Reading) -> None:
        position = self.position
        if successor.indexed and reading.indexed:
            # Only where a long line was cut and given before it was moved does the next file not begin here.
            self._offset = max(0, min(position - successor.base, successor.size()))
        else:
            successor.base, self._offset = reading.base + reading.size(), 0
        reading.close()
        self._reading, self._final = successor, False

    def _catch_up(self) -> None:
        """Skip to the end when it is too far away, counting the lines."""
        if self._behind() <= _TOO_FAR:
            return
        # Of a line whose head was given, the end is no line of its own.
        self.skipped += 0 if self._passing else 1
        while (excess := self._behind() - _WINDOW) > 0:
            reading = self._file()
            size = reading.size()
            self._skip_to(reading, min(size, self._offset + excess))
            self._final = True
            if self._offset < size or not self._advance():
                break
        self._final = False
        self._passing = True

    def _skip_to(self, reading: Reading, stop: int) -> None:
        while self._offset < stop:
            data = reading.read(self._offset, min(_WINDOW, stop - self._offset))
            if not data:
                return
            self.skipped += data.count(b"\n")
            self._offset += len(data)

    def _behind(self) -> int:
        reading = self._file()
        behind = reading.size() - self._offset
        if not self._has_successor(reading):
            return behind
        for number, key in numbers(self.files):
            if key == reading.key:
                break
            behind += _size(numbered(self.files.path, number))
        return behind


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0
