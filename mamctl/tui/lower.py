"""Below the table: logs, events, dependencies and details, each of one service or of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mamctl.tui import details, needs
from mamctl.tui.chronicle import Chronicle
from mamctl.tui.logs import LogView
from mamctl.tui.panes import TITLES, Pane
from mamctl.tui.paper import Sheet
from mamctl.tui.spans import Span

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from mamctl.tui.figures import Figures
    from mamctl.tui.paper import Paper
    from mamctl.tui.roster import Roster
    from mamctl.tui.spans import Spans
    from mamctl.ui.paint import Paint

EVENTS, NEEDS, DETAILS = "events", "needs", "details"


class Lower:
    """The panes. `chosen`: the service that they tell of; `wide`: which of them tell of all services instead.

    `active`: the pane that keys are for, and the only one that is seen unless there is room for `many`.
    """

    def __init__(self, roster: Roster, figures: Figures, paint: Paint) -> None:
        self._roster = roster
        self._figures = figures
        self._paint = paint
        self.chronicle = Chronicle(roster.position, paint)
        self.logs = LogView(roster.position)
        self.sheets = {name: Sheet(id=name) for name in (EVENTS, NEEDS, DETAILS)}
        self.sheets[EVENTS].following = True
        self.sheets[EVENTS].empty = (Span("nothing has happened yet", "dim"),)
        papers: Mapping[str, Paper] = {"logs": self.logs, **self.sheets}
        self.panes = {name: Pane(name, papers[name], "─" if paint.unicode else "-") for name in TITLES}
        self.chosen: str | None = None
        self.active = "logs"
        self.wide = {"logs": False, EVENTS: True, NEEDS: False, DETAILS: False}
        self.many = False

    def arrange(self, *, many: bool) -> None:
        """Show all panes, or only the active one."""
        self.many = many
        for name, pane in self.panes.items():
            pane.display = many or name == self.active
        side = self.panes[EVENTS].parent
        if side is not None:
            side.display = many or self.active != "logs"
        if side is not None and side.parent is not None:
            side.parent.set_class(many, "many")
        for name in self.panes:
            self.entitle(name)

    def draw(self, *names: str) -> None:
        """Write what is seen anew; the logs write themselves."""
        for name in names or self.sheets:
            if self.panes[name].display:
                self.sheets[name].put(self._lines(name))
                self.entitle(name)

    def begin_logs(self) -> None:
        """Show another log from its beginning."""
        nothing = "nobody has written anything yet" if self.wide["logs"] else f"{self.chosen} has written nothing yet"
        self.logs.empty = (Span(nothing, "dim"),)
        self.logs.begin(prefix=self.wide["logs"])
        self.entitle("logs")

    def entitle(self, name: str) -> None:
        """Write the line above a pane."""
        pane = self.panes[name]
        if pane.display:
            pane.head.tell(alone=not self.many, active=name == self.active, told=self._told(name))

    def _told(self, name: str) -> str:
        who = "all services" if self.wide[name] else self.chosen or ""
        if name != "logs":
            return who
        logs = self.logs
        words = [who]
        if logs.held or not logs.following:
            words.append("paused" if logs.held else "scrolled back")
            words += [f"{logs.fresh:,} new"] if logs.fresh else []
        words += [] if logs.wrap else ["not wrapped"]
        words += [f"only {logs.only}"] if logs.only else []
        return ", ".join(words)

    def _lines(self, name: str) -> list[Spans]:
        row: Mapping[str, Any] | None = self._roster.row(self.chosen)
        if name == EVENTS:
            return self.chronicle.lines(None if self.wide[EVENTS] else self.chosen)
        if name == NEEDS and (self.wide[NEEDS] or row is None):
            return needs.whole(self._roster.all, self._paint)
        if name == NEEDS:
            return needs.around(self._roster.all, str(self.chosen), self._paint)
        width = self.sheets[DETAILS].scrollable_content_region.width
        return [] if row is None else details.of(row, self._figures, max(20, width), self._paint)
