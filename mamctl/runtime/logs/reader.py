"""Reading logs: the last lines of services, merged in the order of time, over rotated files too.

Quick to import and in need of no supervisor: the command line reads the files themselves. A log without an index, or
with a damaged one, still shows all its lines, at the file's time.
"""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from mamctl.runtime.logs.chain import Reading, chain
from mamctl.runtime.logs.files import LogFiles, fifo_path, log_files
from mamctl.runtime.logs.follower import Follower
from mamctl.runtime.logs.lines import Line, Piece
from mamctl.runtime.logs.sieve import sieve

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Mapping, Sequence

    from mamctl.runtime.logs.sieve import Search

__all__ = ["Follower", "Line", "LogFiles", "fifo_path", "last_lines", "log_files", "tail"]

_BLOCK: Final = 1 << 18
# A line longer than this, in bytes, is given in parts.
_LONGEST: Final = 1 << 24
_FIRST_WINDOW: Final = 1 << 16


class _Wish(NamedTuple):
    """Which lines are asked for."""

    since: float | None
    pattern: re.Pattern[bytes] | None
    generation: int | None
    until: int | None
    search: Search | None

    def holds(self, line: Line) -> bool:
        """Tell whether this is one of them, as far as its stamp goes."""
        if self.since is not None and line.at < self.since:
            return False
        return self.generation is None or line.generation == self.generation

    def matching(self, found: list[Piece]) -> list[Piece]:
        """Return the pieces whose text is asked for: most are not, and need no stamp."""
        search = self.pattern.search if self.pattern else None
        return [piece for piece in found if search(piece.text)] if search else found


def tail(
    logs: Sequence[LogFiles],
    *,
    lines: int | None,
    since: float | None = None,
    pattern: re.Pattern[bytes] | None = None,
    generation: int | None = None,
    until: Mapping[LogFiles, int] | None = None,
) -> Iterator[Line]:
    """Yield the last `lines` lines (None: all) of these logs together, in the order of time.

    `since` is in seconds since the epoch; `pattern` is searched in each line's bytes. `until` ends each log at a
    logical position: with a Follower's `positions` the two meet without a gap and without a line given twice. The
    last line of a log may be one that is still being written (`ended` is false).
    """
    search = sieve(pattern) if pattern else None
    wishes = [(files, _Wish(since, pattern, generation, until.get(files) if until else None, search)) for files in logs]
    if lines is None:
        yield from _merged([_all(files, wish) for files, wish in wishes])
        return
    merged = _merged([iter(_last(files, wish, lines)) for files, wish in wishes])
    yield from deque(merged, maxlen=max(0, lines))


def last_lines(files: Sequence[LogFiles], n: int, generation: int | None = None) -> list[str]:
    """Return the last `n` lines as text, for error messages; of one incarnation, if `generation` is given."""
    return [line.line.decode(errors="replace") for line in tail(files, lines=n, generation=generation)]


def _merged(streams: list[Iterator[Line]]) -> Iterator[Line]:
    """Merge by time. Lines of one log keep their order, also where a clock was set back."""
    return heapq.merge(*streams, key=lambda line: line.at)


def _all(files: LogFiles, wish: _Wish) -> Iterator[Line]:
    with chain(files) as readings:
        for reading in readings:
            stop = _stop(reading, wish)
            start = reading.stamps.offset_at(int(wish.since * 1e9)) if wish.since is not None else 0
            yield from filter(wish.holds, _scan(reading, wish, (start, stop), newest=reading is readings[-1]))


def _last(files: LogFiles, wish: _Wish, count: int) -> list[Line]:
    found: list[Line] = []
    with chain(files) as readings:
        for reading in reversed(readings):
            missing = count - len(found)
            if missing <= 0:
                break
            found[:0] = _last_of(reading, wish, missing, newest=reading is readings[-1])
    return found


def _last_of(reading: Reading, wish: _Wish, count: int, *, newest: bool) -> deque[Line]:
    """Look at more and more of the end of one log until there are enough lines."""
    stop = _stop(reading, wish)
    window = _FIRST_WINDOW
    while True:
        start = max(0, stop - window)
        found = deque(filter(wish.holds, _scan(reading, wish, (start, stop), newest=newest)), maxlen=count)
        if len(found) == count or not start or _began_before(reading, start, wish):
            return found
        window *= 4


def _began_before(reading: Reading, offset: int, wish: _Wish) -> bool:
    record = reading.stamps.span(offset).record
    return wish.since is not None and record is not None and record.at < wish.since * 1e9


def _stop(reading: Reading, wish: _Wish) -> int:
    """Return the offset at which reading ends; the index is read after it is known, so that it covers all."""
    size = reading.size()
    reading.refresh()
    return size if wish.until is None else max(0, min(size, wish.until - reading.base))


def _scan(reading: Reading, wish: _Wish, extent: tuple[int, int], *, newest: bool) -> Iterator[Line]:
    """Yield the lines between two offsets, block by block; not the one in whose middle the first offset lies."""
    offset, stop = _line_start(reading, *extent), extent[1]
    block = _BLOCK
    while offset < stop:
        data = reading.read(offset, min(block, stop - offset))
        if wish.search and (whole := data.rfind(b"\n") + 1) and not reading.stamps.edges(offset, offset + whole + 1):
            yield from reading.lines(_sifted(reading, wish, offset, data[:whole]))
            offset += whole
            continue
        found = list(reading.pieces(offset, data))
        if not found:
            return
        complete = found[-1].ended or offset + len(data) >= stop
        if not complete and len(found) == 1 and block < _LONGEST:
            block *= 4
            continue
        if not complete and len(found) > 1:
            found.pop()
        if not (newest and complete):
            found[-1] = found[-1]._replace(ended=True)
        yield from reading.lines(iter(wish.matching(found)))
        offset, block = found[-1].end, _BLOCK


def _sifted(reading: Reading, wish: _Wish, offset: int, data: bytes) -> Iterator[Piece]:
    """Yield the matching lines of a block of whole lines of one incarnation."""
    assert wish.search is not None
    position = 0
    while position < len(data) and (found := wish.search(data, position)):
        start = data.rfind(b"\n", 0, found[0]) + 1
        position = (data.find(b"\n", max(found[0], found[1] - 1)) + 1) or len(data)
        yield from wish.matching(list(reading.pieces(offset + start, data[start:position])))


def _line_start(reading: Reading, offset: int, stop: int) -> int:
    """Return where the first line at or after `offset` begins."""
    place = offset - 1
    while 0 <= place < stop:
        data = reading.read(place, min(_BLOCK, stop - place))
        newline = data.find(b"\n")
        if newline >= 0:
            return place + newline + 1
        if not data:
            break
        place += len(data)
    return stop if offset else 0
