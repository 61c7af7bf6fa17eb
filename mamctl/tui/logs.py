"""The window on the lines of a log: prefixes, what was searched for, wrapped or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mamctl.core.errors import UsageError
from mamctl.tui.book import LogBook, pattern_of
from mamctl.tui.paper import Paper
from mamctl.tui.spans import Span, service_style
from mamctl.ui.measure import columns, cut, pad

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterator, Sequence

    from mamctl.tui.book import Line, Shown
    from mamctl.tui.spans import Spans

WIDEST_NAME: Final = 20
CLOCK: Final = len("12:34:56 ")


class LogView(Paper):
    """Lines as they come. `position`: the place of a service in the manifest, for its colour."""

    def __init__(self, position: Callable[[str], int]) -> None:
        super().__init__(id="logs")
        self._book = LogBook()
        self._position = position
        self._names = 0
        self._wrap = True
        self._prefix = False
        self._only: re.Pattern[str] | None = None
        self._sought: re.Pattern[str] | None = None
        self._found: int | None = None
        self.fresh = 0
        self.following = True

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self._book.rows)

    @property
    def widest(self) -> int:
        """How many columns the widest row has; none beyond the window where lines are wrapped."""
        return 0 if self._wrap else self._lead + self._book.widest

    @property
    def wrap(self) -> bool:
        """Whether long lines go on below."""
        return self._wrap

    @property
    def only(self) -> str:
        """What lines must match to be shown, "" for nothing."""
        return self._only.pattern if self._only else ""

    @property
    def has_times(self) -> bool:
        """Whether there is room for the time of each line."""
        return self.size.width >= 60

    @property
    def _lead(self) -> int:
        names = self._names + 3 if self._prefix else 0
        return names + (CLOCK if self.has_times else 0)

    def begin(self, *, prefix: bool) -> None:
        """Show another log, from its beginning; `prefix`: of several services."""
        self._book.clear()
        self._prefix, self._names, self._found, self.fresh = prefix, 0, None, 0
        self.held = False
        self.follow(on=True)
        self._shape()

    def add(self, lines: Sequence[Line]) -> None:
        """Show lines that were written."""
        if not lines:
            return
        names = max(columns(line.service) for line in lines)
        forgotten = self._book.add(lines)
        if self._found is not None:
            self._found = self._found - forgotten if self._found >= forgotten else None
        self.fresh = 0 if self.following else self.fresh + len(lines)
        if self._prefix and min(names, WIDEST_NAME) > self._names:
            self._names = min(names, WIDEST_NAME)
            self._shape()
            return
        self.laid(forgotten)

    def fold(self) -> None:
        """Wrap long lines, or no more."""
        self._wrap = not self._wrap
        self._shape()
        self.follow(on=True)

    def keep(self, written: str) -> str:
        """Show only lines that match; "" shows all. Return what is wrong with the pattern, or ""."""
        pattern, problem = _pattern(written)
        if not problem:
            self._only = pattern
            self._shape()
            self.follow(on=not self.held)
        return problem

    def search(self, written: str) -> str:
        """Mark what matches and go to the last of it; "" marks nothing. Return what there is to say."""
        pattern, problem = _pattern(written)
        if problem:
            return problem
        self._sought, self._found = pattern, None
        self.refresh()
        return self.step(-1) if pattern else ""

    def step(self, way: int) -> str:
        """Go to the next line that matches (1) or the one before (-1); return which of how many it is."""
        if self._sought is None:
            return "/ searches; then n and N go on"
        matches = self._book.matches(self._sought)
        if not matches:
            return f"nothing matches {self._sought.pattern}"
        here = self._found if self._found is not None else (self.rows if way < 0 else -1)
        after = [index for index in matches if (index > here if way > 0 else index < here)]
        wrapped = "" if after else ", from the other end"
        self._found = (after or matches)[0 if way > 0 else -1]
        self.follow(on=False)
        self.show(self._found)
        self.refresh()
        return f"match {matches.index(self._found) + 1} of {len(matches)}{wrapped}"

    def hold(self) -> None:
        """Stand still although lines come, or go on."""
        self.held = not self.held and self.following
        self.follow(on=not self.held)
        self.fresh = 0

    def follow(self, *, on: bool) -> None:
        """Stay at the end from now on, or stay here."""
        if on:
            self.held, self.fresh = False, 0
        super().follow(on=on)

    def on_resize(self) -> None:
        """Wrap for the new width."""
        self._shape()

    def row(self, position: int) -> Spans:
        """Return what stands on a row; the lead of a line stands on its first one."""
        shown = self._book.rows[position]
        line = self._book.line(shown.number)
        lead = self._leading(line) if shown.start == 0 else [Span(" " * self._lead)]
        here = self._found is not None and self._book.rows[self._found].number == shown.number
        return (*lead, *self._marked(line, shown, here=here))

    def _leading(self, line: Line) -> list[Span]:
        spans = [Span(f"{line.at:8} ", "dim")] if self.has_times else []
        if self._prefix:
            name = pad(cut(line.service, self._names), self._names)
            spans.append(Span(f"{name} | ", service_style(self._position(line.service))))
        return spans

    def _marked(self, line: Line, shown: Shown, *, here: bool) -> Iterator[Span]:
        done = shown.start
        for match in self._sought.finditer(line.text) if self._sought else ():
            start, stop = max(match.start(), done), min(match.end(), shown.stop)
            if start < stop:
                yield Span(line.text[done:start], line.level)
                yield Span(line.text[start:stop], "here" if here else "hit")
                done = stop
        yield Span(line.text[done : shown.stop], line.level)

    def _shape(self) -> None:
        width = self.scrollable_content_region.width - self._lead
        # Rows are other ones now; what was found is found again by n.
        self._found = None
        self._book.shape(max(10, width) if self._wrap else None, self._only)
        self.laid()


def _pattern(written: str) -> tuple[re.Pattern[str] | None, str]:
    try:
        return (pattern_of(written) if written else None), ""
    except UsageError as wrong:
        return None, wrong.message
