"""How many terminal columns a text takes, and cutting it to fit."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

NARROWEST: Final = 40
# A terminal that does not know its size.
STANDARD: Final = 80
# Where nobody looks on, nothing is cut: a program reads it, or a terminal that we do not know folds it.
UNLIMITED: Final = 1 << 16


def columns(text: str) -> int:
    """Return the columns that a text without escapes takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(_character_columns(character) for character in text)


def _character_columns(character: str) -> int:
    import unicodedata

    # Marks stand above what precedes them; joiners and variation selectors are not seen at all.
    if unicodedata.category(character) in ("Mn", "Me", "Cf") and character != "\xad":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, width: int, ellipsis: str = "…") -> str:
    """Return the text in at most `width` columns; cut after a whole word when one ends in the last third."""
    if columns(text) <= width:
        return text
    if width <= 1:
        return ellipsis[:width]
    kept = _head(text, width - 1)
    space = kept.rfind(" ")
    if space * 3 > width * 2:
        kept = kept[:space].rstrip(" ,;:")
    return kept + ellipsis


def _head(text: str, width: int) -> str:
    used = 0
    for position, character in enumerate(text):
        used += columns(character)
        if used > width:
            return text[:position]
    return text


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Return the text filled with spaces to `width` columns; `right` puts the text at the right end."""
    space = " " * (width - columns(text))
    return space + text if right else text + space


def wrap(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    """Return the text in lines of at most `width` columns, broken between words only.

    `first` and `rest` are the indents of the first line and of the others. A longer word stands alone.
    """
    lines: list[str] = []
    line = ""
    for word in text.split():
        indent = rest if lines else first
        if line and columns(indent) + columns(line) + 1 + columns(word) > width:
            lines.append(indent + line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, (rest if lines else first) + line]


def width_of(stream: TextIO, environ: Mapping[str, str]) -> int:
    """Return the columns to draw in: COLUMNS, else the terminal's, else without limit (a file, a pipe)."""
    told = environ.get("COLUMNS", "")
    if told.isdecimal() and int(told) > 0:
        return max(int(told), NARROWEST)
    try:
        return max(os.get_terminal_size(stream.fileno()).columns or STANDARD, NARROWEST)
    except (OSError, ValueError):
        return UNLIMITED
