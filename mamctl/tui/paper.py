"""A window on rows of spans: it scrolls, stays at the end while it follows, and draws only rows that are in view."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mamctl.tui.spans import segments, text_of
from mamctl.ui.measure import columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.binding import BindingType

    from mamctl.tui.spans import Spans


class Paper(ScrollView, can_focus=True):
    """Rows that scroll. Those who know what stands on them override `row`, `rows` and `widest`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "scroll_up", show=False),
        Binding("j", "scroll_down", show=False),
        Binding("home,g", "top", show=False),
        Binding("end,G,F", "end", show=False),
    ]

    class Moved(Message):
        """It follows now, or follows no more."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - textual's word
        super().__init__(id=id)
        self.following = False
        self.held = False
        self.empty: Spans = ()
        """What stands there while there are no rows."""

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return 0

    @property
    def widest(self) -> int:
        """How many columns the widest row has."""
        return 0

    def row(self, position: int) -> Spans:  # noqa: ARG002 - for those that have rows
        """Return what stands on a row."""
        return self.empty

    def laid(self, forgotten: int = 0) -> None:
        """Show rows that came or changed; `forgotten` of them went at the beginning."""
        self.virtual_size = Size(self.widest, self.rows)
        if self.following:
            self.scroll_end(animate=False, immediate=True, force=True, x_axis=False)
        elif forgotten:
            self.scroll_to(y=max(0, self.scroll_offset.y - forgotten), animate=False, immediate=True, force=True)
        self.refresh()

    def follow(self, *, on: bool) -> None:
        """Stay at the end from now on, or stay here."""
        changed = on != self.following
        self.following = on
        if on:
            self.scroll_end(animate=False, immediate=True, force=True, x_axis=False)
        if changed:
            self.post_message(self.Moved())

    def show(self, position: int) -> None:
        """Scroll so that a row is in view, in the middle if it was not."""
        top, height = self.scroll_offset.y, self.scrollable_content_region.height
        if not top <= position < top + height:
            self.scroll_to(y=max(0, position - height // 2), animate=False, immediate=True, force=True)

    def action_top(self) -> None:
        """Go to the first row."""
        self.scroll_home(animate=False, immediate=True, force=True, x_axis=False)

    def action_end(self) -> None:
        """Go to the last row, and stay there."""
        self.follow(on=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Who scrolls up wants to read; who is back at the end wants to see what comes."""
        super().watch_scroll_y(old_value, new_value)
        if new_value < old_value and new_value < self.max_scroll_y:
            self.follow(on=False)
        elif new_value > old_value and new_value >= self.max_scroll_y and not self.held:
            self.follow(on=True)

    def on_resize(self) -> None:
        """Stay at the end when the window changes."""
        self.laid()

    def render_line(self, y: int) -> Strip:
        """Return one line of the window."""
        left, top = self.scroll_offset
        width = self.scrollable_content_region.width
        position = top + y
        if position >= max(self.rows, 1):
            return Strip.blank(width, self.rich_style)
        spans = self.row(position) if self.rows else self.empty
        strip = Strip(segments(spans, colour=not self.app.no_color))
        return strip.crop_extend(left, left + width, self.rich_style).apply_style(self.rich_style)


class Sheet(Paper):
    """Rows that are made elsewhere and shown as a whole."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - textual's word
        super().__init__(id=id)
        self._rows: list[Spans] = []
        self._widest = 0

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    @property
    def widest(self) -> int:
        """How many columns the widest row has."""
        return self._widest

    def row(self, position: int) -> Spans:
        """Return what stands on a row."""
        return self._rows[position]

    def put(self, rows: Sequence[Spans]) -> None:
        """Show these rows; where nothing has changed nothing is drawn."""
        found = list(rows)
        if found == self._rows:
            return
        before, self._rows = self._rows, found
        widest, self._widest = self._widest, max((columns(text_of(row)) for row in found), default=0)
        if (len(before), widest) != (len(found), self._widest):
            self.laid()
            return
        for position, (old, new) in enumerate(zip(before, found, strict=True)):
            if old != new:
                self.refresh_line(position)
