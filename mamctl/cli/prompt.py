"""One line typed at the bottom of the terminal while everything else goes on."""

from __future__ import annotations

from typing import Final

ENTER: Final = ("\r", "\n")
ESCAPE: Final = ("\x1b", "\x04")
ERASE: Final = ("\x7f", "\b")
LONGEST: Final = 200


class Prompt:
    """A question and what was typed so far. `done` once it is answered or given up (`answer` is None then)."""

    def __init__(self, question: str) -> None:
        self.question = question
        self.typed = ""
        self.done = False
        self.answer: str | None = None

    def line(self) -> str:
        """Return the line to show."""
        return f"{self.question} {self.typed}_"

    def press(self, key: str) -> None:
        """Take one key."""
        if key in ENTER:
            self.done, self.answer = True, self.typed.strip()
        elif key in ESCAPE:
            self.done = True
        elif key in ERASE:
            self.typed = self.typed[:-1]
        elif key == "\x15":
            self.typed = ""
        elif key.isprintable() and len(self.typed) < LONGEST:
            self.typed += key
