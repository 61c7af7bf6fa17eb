"""The live part of a terminal: a few lines at the bottom that are redrawn beneath what scrolls past.

`Live.frame` returns the text of one update: erase the summary, print the new lines, draw the summary again.
It is one string so that one write shows it and nothing flickers. Without a terminal there is no summary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mamctl.ui.measure import columns, cut

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOW_CURSOR: Final = "\x1b[?25h"
HIDE_CURSOR: Final = "\x1b[?25l"
MOST_LINES: Final = 3
SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
SPINNER_PLAIN: Final = "|/-\\"


class Live:
    """What is drawn at the bottom now. `terminal` tells whether there is one to draw on."""

    def __init__(self, *, terminal: bool, width: int) -> None:
        self.terminal = terminal
        self.width = width
        self._shown: tuple[str, ...] = ()

    def frame(self, lines: Sequence[str], summary: Sequence[str] = ()) -> str:
        """Return what to write so that `lines` scroll past and `summary` stands at the bottom; "" for no change."""
        wanted = tuple(self._cut(line) for line in summary[:MOST_LINES]) if self.terminal else ()
        if not lines and wanted == self._shown:
            return ""
        text = self._erase() + "".join(f"{line}\n" for line in lines)
        if wanted:
            text += HIDE_CURSOR + "\n".join(wanted) + "\r"
        self._shown = wanted
        return text

    def clear(self) -> str:
        """Return what removes the summary and gives the cursor back."""
        return self.frame([], ()) if self._shown else ""

    def resize(self, width: int) -> None:
        """Take a new width; what stands there may have been folded by the terminal in the meantime."""
        self.width = width

    def _erase(self) -> str:
        if not self._shown:
            return ""
        rows = sum(max(1, -(-columns(bare(line)) // self.width)) for line in self._shown)
        up = f"\x1b[{rows - 1}A" if rows > 1 else ""
        return f"\r{up}\x1b[J{SHOW_CURSOR}"

    def _cut(self, line: str) -> str:
        """Cut to one column less than the width: a full line would make some terminals fold."""
        if columns(bare(line)) < self.width:
            return line
        return cut(bare(line), self.width - 1)


def bare(text: str) -> str:
    """Return the text without our own colour escapes."""
    while "\x1b[" in text:
        start = text.index("\x1b[")
        end = text.find("m", start)
        if end < 0:
            break
        text = text[:start] + text[end + 1 :]
    return text


def spinner(elapsed: float, *, unicode: bool) -> str:
    """Return the spinner's character for the seconds since something began."""
    wheel = SPINNER if unicode else SPINNER_PLAIN
    return wheel[int(elapsed * 10) % len(wheel)]
