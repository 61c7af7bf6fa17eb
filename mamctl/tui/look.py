"""The screen: where everything lies, what is drawn when, and the keys that only change what is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import App
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.filter import Monochrome, NoColor
from textual.screen import ModalScreen
from textual.widgets import Footer, Input

from mamctl.tui.columns import Columns
from mamctl.tui.dialogs import Help
from mamctl.tui.figures import Figures
from mamctl.tui.lower import Lower
from mamctl.tui.panes import Bar, PaneHead
from mamctl.tui.paper import Paper, Sheet
from mamctl.tui.style import CSS
from mamctl.tui.table import Heads, ServiceTable
from mamctl.tui.wording import headline

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.timer import Timer

    from mamctl.tui.roster import Roster
    from mamctl.ui.paint import Paint

NOTE_SECONDS: Final = 10.0
# Columns and lines from which on all panes have room beside each other.
MANY: Final = (140, 34)
ASKS: Final = {
    "search": "search the log (a regular expression)",
    "only": "only lines that match (a regular expression)",
    "services": "only services with this in their name",
}


class Look(App[int]):
    """What is seen. `title`: what the stack is called while none runs."""

    CSS = CSS
    TITLE = "mamctl top"
    ENABLE_COMMAND_PALETTE = False
    KEYS: ClassVar[list[BindingType]] = [
        Binding("slash", "ask('search')", "Search", key_display="/"),
        # A narrow window shows those that come first.
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q", "leave", "Quit"),
        Binding("a", "scope", "All/one"),
        Binding("z", "zoom", "Zoom"),
        Binding("ampersand", "ask('only')", show=False),
        Binding("f", "ask('services')", show=False),
        Binding("n", "match(1)", show=False),
        Binding("N", "match(-1)", show=False),
        Binding("p,space", "hold", show=False),
        Binding("F", "follow", show=False),
        Binding("w", "wrap", show=False),
        Binding("o", "order", show=False),
        Binding("1", "pane('logs')", show=False),
        Binding("2", "pane('events')", show=False),
        Binding("3", "pane('needs')", show=False),
        Binding("4", "pane('details')", show=False),
        Binding("tab", "other", show=False, priority=True),
        Binding("escape", "clear", show=False),
        Binding("ctrl+c", "leave", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", show=False, priority=True),
    ]

    def __init__(self, roster: Roster, *, title: str, paint: Paint, colour: bool) -> None:
        super().__init__(ansi_color=True)
        # Textual looks at NO_COLOR alone, and before it knows that the colours are the terminal's own.
        self.no_color = not colour
        self._filters = [one for one in self._filters if not isinstance(one, (Monochrome, NoColor))]
        self._filters += [] if colour else [NoColor()]
        self.roster = roster
        self.figures = Figures()
        self.nobody = False
        self._called = title
        self._note = ""
        self._note_timer: Timer | None = None
        self._zoomed = False
        self._asks = ""
        self.lower = Lower(roster, self.figures, paint)
        self.table = ServiceTable(Columns(self.figures, paint))
        self.heads = Heads(self.table.columns)
        self.headline = Bar(id="headline")
        self.nothing = Sheet(id="nothing")

    def compose(self) -> ComposeResult:
        """Lay out."""
        yield self.headline
        with Vertical(id="stack"):
            yield self.heads
            yield self.table
        yield self.nothing
        with Horizontal(id="panes"):
            yield self.lower.panes["logs"]
            with Vertical(id="side"):
                yield from (self.lower.panes[name] for name in ("details", "needs", "events"))
        yield Input(id="ask", select_on_focus=False)
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Begin."""
        self.theme = "ansi-dark"
        self.animation_level = "none"
        self.table.focus()
        self.app_resume_signal.subscribe(self, self._back)
        self.draw()

    def _back(self, _: object) -> None:
        """Paint everything after a suspension: the shell has used the terminal."""
        for widget in self.query("*"):
            widget.refresh()

    def on_resize(self, event: events.Resize) -> None:  # noqa: ARG002 - textual's signature
        """Lay out anew."""
        if self._stands:
            self._arrange()
        self.call_after_refresh(self.draw)

    def on_service_table_resized(self) -> None:
        """Choose the columns anew: only now the table knows its width."""
        self.draw()

    def tell(self, note: str, *, lasting: bool = False) -> None:
        """Show a note in the first line, for a while."""
        if self._note_timer is not None:
            self._note_timer.stop()
        self._note_timer = None if lasting or not note else self.set_timer(NOTE_SECONDS, lambda: self.tell(""))
        self._note = note
        self._entitle()

    def draw(self) -> None:
        """Show what is known now; what stands already is not drawn again."""
        if not self._stands:
            return
        self._arrange()
        changed = self.table.put(self.roster.shown)
        self.heads.tell(self.roster.order, self.roster.sought, changed=changed)
        self._entitle()
        self.lower.draw()

    @property
    def _stands(self) -> bool:
        """Whether there is a screen: on the way out it is gone before the last word of the supervisor comes."""
        return bool(self.query("#stack"))

    def _entitle(self) -> None:
        self.headline.put(headline(self.roster.document, self._called, self._note, self.size.width))

    def _arrange(self) -> None:
        """Give each part its place: the table as high as it needs, at most half."""
        width, height = self.size
        self.nothing.display = self.nobody
        self.query_one("#stack").display = not self.nobody and not self._zoomed
        self.table.styles.height = min(max(3, (height - 4) // 2), max(1, len(self.roster.shown)))
        self.lower.arrange(many=width >= MANY[0] and height >= MANY[1] and not self._zoomed)

    def on_heads_picked(self, event: Heads.Picked) -> None:
        """Sort."""
        self.roster.order = event.order
        self.draw()

    def on_pane_head_picked(self, event: PaneHead.Picked) -> None:
        """Show a pane."""
        self.action_pane(event.pane)

    def on_paper_moved(self, event: Paper.Moved) -> None:
        """Say whether it follows."""
        event.stop()
        self.lower.entitle("logs")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show the services that are meant while they are typed."""
        if self._asks == "services":
            self.roster.sought = event.value
            self.draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take what was asked for."""
        asked, self._asks = self._asks, ""
        self._end_asking()
        if asked == "search":
            self.tell(self.lower.logs.search(event.value))
        elif asked == "only":
            self.tell(self.lower.logs.keep(event.value))
        self.lower.entitle("logs")

    def _end_asking(self) -> None:
        self._asks = ""
        self.query_one("#ask", Input).display = False
        self.query_one(Footer).display = True
        self.table.focus()

    def action_ask(self, what: str) -> None:
        """Let people type what to look for."""
        if what != "services":
            self.action_pane("logs")
        box = self.query_one("#ask", Input)
        box.value, box.placeholder = "", ASKS[what]
        self._asks = what
        self.query_one(Footer).display = False
        box.display = True
        box.focus()

    def action_clear(self) -> None:
        """End what is being typed; else the search and the filters."""
        if self._asks:
            self.roster.sought = "" if self._asks == "services" else self.roster.sought
            self._end_asking()
        else:
            self.roster.sought = ""
            self.lower.logs.search("")
            self.lower.logs.keep("")
        self.draw()
        self.lower.entitle("logs")

    def action_pane(self, name: str) -> None:
        """Show a pane, and let keys be for it."""
        self.lower.active = name
        self._arrange()
        self.lower.draw()
        if isinstance(self.focused, Paper):
            self.lower.panes[name].paper.focus()

    def action_scope(self) -> None:
        """Let the pane tell of all services, or of the chosen one; details are always of one."""
        name = self.lower.active
        if name != "details":
            self.lower.wide[name] = not self.lower.wide[name]
            self.lower.draw()
        self.lower.entitle(name)

    def action_zoom(self) -> None:
        """Show the pane alone, or with the table."""
        self._zoomed = not self._zoomed
        self._arrange()
        self.call_after_refresh(self.draw)
        (self.lower.panes[self.lower.active].paper if self._zoomed else self.table).focus()

    def action_other(self) -> None:
        """Let keys be for the pane, or for the services."""
        if isinstance(self.screen, ModalScreen):
            self.screen.focus_next()
        elif self.focused is self.table:
            self.lower.panes[self.lower.active].paper.focus()
        elif not self._zoomed:
            self.table.focus()

    def action_match(self, way: int) -> None:
        """Go to the next line that matches, or the one before."""
        self.action_pane("logs")
        self.tell(self.lower.logs.step(way))

    def action_hold(self) -> None:
        """Let the log stand still, or go on."""
        self.lower.logs.hold()
        self.lower.entitle("logs")

    def action_follow(self) -> None:
        """Go to the end of the log, and stay there."""
        self.lower.logs.follow(on=True)
        self.lower.entitle("logs")

    def action_wrap(self) -> None:
        """Wrap long lines, or no more."""
        self.lower.logs.fold()
        self.lower.entitle("logs")

    def action_order(self) -> None:
        """Sort the services in another way."""
        self.tell(f"sorted by {self.roster.next_order()}")
        self.draw()

    def action_help(self) -> None:
        """Show every key."""
        self.push_screen(Help())

    def action_leave(self) -> None:
        """Leave; nothing is stopped by it."""
        self.exit(0)
