"""A whole screen that is kept up to date: only the lines that changed are written, and nothing is ever cleared first.

It is drawn on the terminal's alternate screen, so that what stood there before comes back. Each update is one string:
one write shows it, so nothing flickers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mamctl.ui.live import HIDE_CURSOR, SHOW_CURSOR, bare
from mamctl.ui.measure import columns

if TYPE_CHECKING:
    from collections.abc import Sequence

ENTER: Final = f"\x1b[?1049h{HIDE_CURSOR}"
LEAVE: Final = f"\x1b[?1049l{SHOW_CURSOR}"
_ERASE: Final = "\x1b[K"
_ERASE_BELOW: Final = "\x1b[J"


class Canvas:
    """What stands on the screen now."""

    def __init__(self) -> None:
        self._shown: list[str] | None = None

    def enter(self) -> str:
        """Return what takes the screen; the next frame draws all of it."""
        self.forget()
        return ENTER

    def leave(self) -> str:
        """Return what gives the screen back as it was."""
        return LEAVE

    def forget(self) -> None:
        """Draw everything the next time: another size folds lines as it likes."""
        self._shown = None

    def frame(self, lines: Sequence[str], footer: str, *, rows: int, width: int) -> str:
        """Return what makes the lines stand at the top and the footer in the last row; "" when they do already."""
        wanted = _fitted(lines, footer, max(rows, 2))
        before = self._shown
        text = ""
        for row, line in enumerate(wanted):
            if before is None or row >= len(before) or before[row] != line:
                # At the end of a full line the cursor stands on its last column: erasing would take that.
                text += f"\x1b[{row + 1};1H{line}" + (_ERASE if columns(bare(line)) < width else "")
        if before is None:
            text += f"\x1b[{len(wanted)};{min(columns(bare(footer)) + 1, width)}H{_ERASE_BELOW}" if text else ""
        self._shown = wanted
        return text


def _fitted(lines: Sequence[str], footer: str, rows: int) -> list[str]:
    """Return exactly as many lines as there are rows, the footer last; what does not fit is owned up to."""
    room = rows - 1
    kept = list(lines)
    if len(kept) > room:
        kept = [*kept[: room - 1], f"({len(kept) - room + 1} more lines: make the terminal taller)"]
    return [*kept, *[""] * (room - len(kept)), footer]
