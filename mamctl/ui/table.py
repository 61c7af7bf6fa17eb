"""A table of text that fits its width: columns are cut, shortened, then dropped by priority; nothing ever wraps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mamctl.ui.measure import columns, cut, pad

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mamctl.ui.paint import Paint

GAP: Final = 2
# A rule between groups is quiet: as wide as the first column, and no wider than this.
LONGEST_RULE: Final = 12


class Column(NamedTuple):
    """A heading and what may happen to the column when space is short.

    `drop`: the highest goes first; 0 is never dropped. `least`: how narrow it may be cut; 0 means never cut.
    """

    title: str
    right: bool = False
    drop: int = 0
    least: int = 0


class Cell(NamedTuple):
    """A text and the style it is painted in.

    `full` is shown in its place where the whole table has room for it, `short` before the column would be dropped.
    """

    text: str
    style: str = ""
    full: str = ""
    short: str = ""


def draw(
    heads: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    width: int,
    paint: Paint,
    rules: Collection[int] = (),
) -> list[str]:
    """Return the lines of the table, the headings first, a rule before each row whose position is in `rules`.

    A column that is empty in every row is left out.
    """
    spacious = [[cell._replace(text=cell.full or cell.text) for cell in row] for row in rows]
    widths = _naturals(heads, [[cell.text for cell in row] for row in spacious])
    if _total(widths) <= width:
        rows = spacious
    else:
        natural = _naturals(heads, [[cell.text for cell in row] for row in rows])
        short = _naturals(heads, [[cell.short or cell.text for cell in row] for row in rows])
        widths = _fit(heads, natural, short, width)
    lines = [_line(heads, [Cell(head.title, "dim") for head in heads], widths, paint)]
    for position, row in enumerate(rows):
        if position in rules:
            lines.append(_rule(widths, paint))
        lines.append(_line(heads, row, widths, paint))
    return lines


def _naturals(heads: Sequence[Column], texts: Sequence[Sequence[str]]) -> list[int]:
    return [_natural(head, [row[index] for row in texts]) for index, head in enumerate(heads)]


def _natural(head: Column, texts: Sequence[str]) -> int:
    widest = max((columns(text) for text in texts), default=0)
    return max(widest, columns(head.title)) if widest else 0


def _fit(heads: Sequence[Column], natural: Sequence[int], short: Sequence[int], width: int) -> list[int]:
    widths = list(natural)
    while _total(widths) > width:
        if _shrink(heads, widths, width):
            break
        droppable = [index for index, head in enumerate(heads) if head.drop and widths[index]]
        if not droppable:
            _squeeze(heads, widths, width)
            break
        next_one = max(droppable, key=lambda index: heads[index].drop)
        widths[next_one] = short[next_one] if widths[next_one] > short[next_one] else 0
    return widths


def _total(widths: Sequence[int]) -> int:
    shown = [width for width in widths if width]
    return sum(shown) + GAP * (len(shown) - 1)


def _shrink(heads: Sequence[Column], widths: list[int], width: int) -> bool:
    """Cut the columns that may be cut, widest first, if that is enough to fit; else leave all as they are."""
    over = _total(widths) - width
    room = {index: widths[index] - head.least for index, head in enumerate(heads) if head.least}
    room = {index: spare for index, spare in room.items() if spare > 0}
    if sum(room.values()) < over:
        return False
    for index in sorted(room, key=lambda index: -room[index]):
        taken = min(room[index], over)
        widths[index] -= taken
        over -= taken
    return True


def _squeeze(heads: Sequence[Column], widths: list[int], width: int) -> None:
    """Nothing is left to drop: cut whatever may be cut as far as it is legible (4 columns)."""
    for index in sorted(range(len(heads)), key=lambda index: -widths[index]):
        over = _total(widths) - width
        if over > 0 and heads[index].least:
            widths[index] = max(4, widths[index] - over)


def _rule(widths: Sequence[int], paint: Paint) -> str:
    first = next((width for width in widths if width), 0)
    return paint("dim", ("─" if paint.unicode else "-") * min(first, LONGEST_RULE))


def _line(heads: Sequence[Column], cells: Sequence[Cell], widths: Sequence[int], paint: Paint) -> str:
    shown = [index for index, width in enumerate(widths) if width]
    last = shown[-1] if shown else -1
    parts = []
    for index in shown:
        text = _fitting(cells[index], widths[index], paint)
        if index != last or heads[index].right:
            text = pad(text, widths[index], right=heads[index].right)
        parts.append(_painted(text, cells[index].style, paint))
    return (" " * GAP).join(parts).rstrip()


def _fitting(cell: Cell, width: int, paint: Paint) -> str:
    text = cell.short if cell.short and columns(cell.text) > width else cell.text
    return cut(text, width, paint.ellipsis())


def _painted(text: str, style: str, paint: Paint) -> str:
    """Colour the text but not the spaces round it, so that trailing ones can be stripped."""
    core = text.strip()
    return text.replace(core, paint(style, core), 1) if style and core else text
