"""Small pieces of Markdown: tables whose cells may hold anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, or nothing when it has no rows."""
    lines = [_row(cells) for cells in rows]
    return "\n".join([_row(heads), _row(["---"] * len(heads)), *lines, "", ""]) if lines else ""


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def code(word: object) -> str:
    """Return a word as code."""
    return f"`{word}`"
