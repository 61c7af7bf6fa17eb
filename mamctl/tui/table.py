"""The service table: one line each, drawn again only where something has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from mamctl.tui.spans import Span, segments, style_of, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual import events
    from textual.binding import BindingType

    from mamctl.tui.columns import Columns
    from mamctl.tui.spans import Spans

    Row = Mapping[str, Any]


class Heads(Widget):
    """The titles of the columns; a click sorts."""

    class Picked(Message):
        """A click on a title. `order`: what it sorts by."""

        def __init__(self, order: str) -> None:
            super().__init__()
            self.order = order

    def __init__(self, columns: Columns) -> None:
        super().__init__(id="heads")
        self._columns = columns
        self.order = "start"
        self.sought = ""

    def tell(self, order: str, sought: str, *, changed: bool) -> None:
        """Show how services are sorted, and what their names must have; `changed`: the columns are other ones."""
        if changed or (order, sought) != (self.order, self.sought):
            self.order, self.sought = order, sought
            self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - there is one
        """Return the titles."""
        strip = Strip(segments(self._columns.heads(self.order, self.sought), colour=not self.app.no_color))
        return strip.crop_extend(0, self.size.width, self.rich_style).apply_style(self.rich_style)

    def on_click(self, event: events.Click) -> None:
        """Sort by the column that was clicked."""
        if order := self._columns.order_at(event.x):
            self.post_message(self.Picked(order))


class ServiceTable(ScrollView, can_focus=True):
    """The services, one of them chosen. Rows come from outside, in their order."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", show=False),
        Binding("down,j", "step(1)", show=False),
        Binding("pageup", "leap(-1)", show=False),
        Binding("pagedown", "leap(1)", show=False),
        Binding("home,g", "edge(0)", show=False),
        Binding("end,G", "edge(-1)", show=False),
    ]

    class Chosen(Message):
        """Another service is chosen."""

    class Resized(Message):
        """There is another width for the columns."""

    def __init__(self, columns: Columns) -> None:
        super().__init__(id="services")
        self.columns = columns
        self.chosen: str | None = None
        self._names: list[str] = []
        self._lines: list[Spans] = []

    @property
    def place(self) -> int:
        """Where the chosen service stands; the first place when it is not shown."""
        return self._names.index(self.chosen) if self.chosen in self._names else 0

    def put(self, rows: Sequence[Row]) -> bool:
        """Show rows; return whether the columns are other ones than before."""
        place = self.place
        self._names = [str(row["name"]) for row in rows]
        other = self.columns.fit(rows, max(20, self.scrollable_content_region.width or self.app.size.width))
        lines = [self.columns.row(row) for row in rows]
        before, self._lines = self._lines, lines
        if other or len(before) != len(lines):
            self.virtual_size = Size(0, len(lines))
            self.refresh()
        else:
            self._refresh_changed(before)
        if self.chosen not in self._names and self._names:
            self.choose(self._names[min(place, len(self._names) - 1)])
        return other

    def choose(self, name: str) -> None:
        """Choose a service and bring it into view."""
        if name == self.chosen or name not in self._names:
            return
        before = self.place
        self.chosen = name
        self.refresh_line(before)
        self.refresh_line(self.place)
        # The first rows come before the table has its height.
        self.call_after_refresh(self._bring_into_view)
        self.post_message(self.Chosen())

    def action_step(self, rows: int) -> None:
        """Choose the service so many rows below."""
        self._go(self.place + rows)

    def action_leap(self, pages: int) -> None:
        """Choose the service a page below."""
        self._go(self.place + pages * max(1, self.size.height - 1))

    def action_edge(self, place: int) -> None:
        """Choose the first service, or the last."""
        self._go(place % max(1, len(self._names)))

    def on_click(self, event: events.Click) -> None:
        """Choose what was clicked."""
        place = event.y + self.scroll_offset.y
        if place < len(self._names):
            self.choose(self._names[place])

    def on_resize(self) -> None:
        """Keep the chosen one in view, and ask for columns that fit."""
        self._bring_into_view()
        self.post_message(self.Resized())

    def render_line(self, y: int) -> Strip:
        """Return a service's line."""
        place, width = y + self.scroll_offset.y, self.scrollable_content_region.width
        if place >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        spans, colour = self._lines[place], not self.app.no_color
        if self._names[place] == self.chosen:
            spans = (Span(text_of(spans), "here"),)
            ground = style_of("here", colour=colour)
            return Strip(segments(spans, colour=colour)).crop_extend(0, width, ground)
        strip = Strip(segments(spans, colour=colour))
        return strip.crop_extend(0, width, self.rich_style).apply_style(self.rich_style)

    def _go(self, place: int) -> None:
        if self._names:
            self.choose(self._names[min(max(0, place), len(self._names) - 1)])

    def _bring_into_view(self) -> None:
        top, height, place = self.scroll_offset.y, self.size.height, self.place
        least, most = place - height + 1, min(place, max(0, len(self._lines) - height))
        wanted = min(max(top, least), most)
        if height and wanted != top:
            self.scroll_to(y=wanted, animate=False, immediate=True, force=True)

    def _refresh_changed(self, before: Sequence[Spans]) -> None:
        top = self.scroll_offset.y
        for place in range(top, min(len(before), top + self.size.height)):
            if before[place] != self._lines[place]:
                self.refresh_line(place)
