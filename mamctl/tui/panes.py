"""One line of spans, and what lies below the table: four panes, each with a line on top that names it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.containers import Vertical
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from mamctl.tui.spans import Span, segments
from mamctl.ui.measure import columns, cut

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

    from mamctl.tui.paper import Paper
    from mamctl.tui.spans import Spans

TITLES: Final = {"logs": "Logs", "events": "Events", "needs": "Needs", "details": "Details"}


class Bar(Widget):
    """A line that is drawn again only when it is another one."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - textual's word
        super().__init__(id=id)
        self._spans: Spans = ()

    def put(self, spans: Spans) -> None:
        """Show these spans."""
        if spans != self._spans:
            self._spans = spans
            self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - there is one
        """Return the line."""
        strip = Strip(segments(self._spans, colour=not self.app.no_color))
        return strip.crop_extend(0, self.size.width, self.rich_style).apply_style(self.rich_style)


class PaneHead(Bar):
    """Names a pane: all of them where one is shown at a time, so that a click changes it."""

    class Picked(Message):
        """A click on a pane's name."""

        def __init__(self, pane: str) -> None:
            super().__init__()
            self.pane = pane

    def __init__(self, pane: str, rule: str) -> None:
        super().__init__()
        self._pane = pane
        self._rule = rule
        self._names: list[tuple[str, str]] = []
        self._here = False
        self._told = ""

    def tell(self, *, alone: bool, active: bool, told: str) -> None:
        """Name the pane, `active` if keys are for it, or all if it is shown `alone`; `told`: what it shows now."""
        self._names = [
            (name, f" {number} {title} ")
            for number, (name, title) in enumerate(TITLES.items(), 1)
            if alone or name == self._pane
        ]
        self._here, self._told = active, told
        self._draw()

    def on_resize(self) -> None:
        """Fill the line anew: a pane that was not seen before has no width until now."""
        self._draw()

    def _draw(self) -> None:
        spans = [Span(text, "here" if name == self._pane and self._here else "bold") for name, text in self._names]
        room = max(0, self.size.width - sum(columns(span.text) for span in spans) - 2)
        shown = cut(self._told, room)
        rule = self._rule * max(0, room - columns(shown))
        self.put((*spans, Span(f" {shown} "), Span(rule, "dim")))

    def on_click(self, event: events.Click) -> None:
        """Show the pane whose name was clicked."""
        x = event.x
        for name, text in self._names:
            x -= columns(text)
            if x < 0:
                self.post_message(self.Picked(name))
                return


class Pane(Vertical):
    """A head and a paper. `rule`: what fills the head's line."""

    def __init__(self, pane: str, paper: Paper, rule: str) -> None:
        super().__init__(id=f"pane-{pane}", classes="pane")
        self.paper = paper
        self.head = PaneHead(pane, rule)

    def compose(self) -> ComposeResult:
        """Lay out."""
        yield self.head
        yield self.paper
