"""What is asked before something happens, and the help."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, OptionList, Static
from textual.widgets.option_list import Option

from mamctl.tui.paper import Sheet
from mamctl.tui.wording import help_lines

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

# What services commonly obey, and what it commonly means.
SIGNALS: Final = (
    ("HUP", "read the configuration again"),
    ("USR1", "its own meaning"),
    ("USR2", "its own meaning"),
    ("INT", "as Ctrl-C"),
    ("TERM", "end; its restart policy decides what follows"),
    ("QUIT", "end with a core dump"),
    ("STOP", "hold still"),
    ("CONT", "go on"),
    ("KILL", "end at once; its restart policy decides what follows"),
)


class Confirm(ModalScreen[bool]):
    """A question with yes and no; no is chosen at first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("y", "answer(True)"),
        ("n,escape,q", "answer(False)"),
        ("left,right", "other"),
    ]

    def __init__(self, question: str, verb: str) -> None:
        super().__init__()
        self._question = question
        self._verb = verb

    def compose(self) -> ComposeResult:
        """Ask."""
        with Vertical(id="box"):
            yield Static(self._question, markup=False)
            with Horizontal():
                yield Button(f"{self._verb} (y)", id="yes", compact=True)
                yield Button("Cancel (n)", id="no", compact=True)

    def on_mount(self) -> None:
        """Choose no."""
        self.query_one("#no", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Take the answer."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:  # noqa: FBT001 - textual's way to hand it over
        """Take the answer of a key."""
        self.dismiss(answer)

    def action_other(self) -> None:
        """Choose the other one."""
        self.focus_next()


class SignalChoice(ModalScreen[str | None]):
    """Which signal to send."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,q", "leave")]

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def compose(self) -> ComposeResult:
        """Offer the signals."""
        with Vertical(id="box"):
            yield Static(f"Send a signal to {self._service} (Enter sends, Esc leaves)", markup=False)
            yield OptionList(*(Option(f"{name:<5} {what}", id=name) for name, what in SIGNALS), compact=True)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take the signal."""
        self.dismiss(event.option_id)

    def action_leave(self) -> None:
        """Send none."""
        self.dismiss(None)


class Help(ModalScreen[None]):
    """Every key."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,question_mark,enter", "leave")]

    def compose(self) -> ComposeResult:
        """Show the keys."""
        with Vertical(id="box"):
            yield Sheet(id="help")
            yield Static("Up and down scroll, Esc leaves", id="leave")

    def on_mount(self) -> None:
        """Write them."""
        sheet = self.query_one("#help", Sheet)
        sheet.put(help_lines())
        sheet.focus()

    def action_leave(self) -> None:
        """Go back."""
        self.dismiss(None)
