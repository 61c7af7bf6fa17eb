"""The service table as spans: which columns a width has room for, and what stands in them.

Widths only grow, and figures have columns of their own width: nothing jumps about while numbers change. Where space is
short the highest `rank` goes first; the reason, at the end, has what is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mamctl.tui.figures import cpu_line, memory_line
from mamctl.tui.spans import Span
from mamctl.ui import status, words
from mamctl.ui.amounts import age, percent, size
from mamctl.ui.measure import columns, cut, pad
from mamctl.ui.paint import style_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mamctl.tui.figures import Figures
    from mamctl.tui.spans import Spans
    from mamctl.ui.paint import Paint

    Row = Mapping[str, Any]
    Text = Callable[["Columns", Row], Span]

SPARK: Final = 8
# From this width on columns stand two apart, and a whole URL is shown.
WIDE: Final = 120
# From this width on figures are shown over twice the time.
WIDER: Final = 170


class Column(NamedTuple):
    """One column. `least`..`most`: its width; `rank`: 0 always stays. `order`: how a click on it sorts, "" for not."""

    title: str
    text: Text
    rank: int = 0
    least: int = 0
    most: int = 0
    right: bool = False
    order: str = ""


def coarse(seconds: float) -> str:
    """Return an age that changes once a minute after the first one: what stands still is not drawn again."""
    return f"{int(seconds) // 60}m" if 60 <= seconds < 3600 else age(seconds)


class Columns:
    """The columns for one width. `paint` knows whether there are symbols; `figures` has the samples."""

    def __init__(self, figures: Figures, paint: Paint) -> None:
        self.figures = figures
        self.paint = paint
        self.width = 80
        self._grown: dict[str, int] = {}
        self._chosen: list[tuple[Column, int]] = []

    def fit(self, rows: Sequence[Row], width: int) -> bool:
        """Choose columns and their widths; tell whether they are other ones than before."""
        if width != self.width:
            self._grown.clear()
        self.width = width
        before, self._chosen = self._chosen, self._choose(rows)
        return before != self._chosen

    def heads(self, order: str, sought: str = "") -> Spans:
        """Return the line of titles; the one that sorts is told from the rest, and so is what names must have."""
        spans = []
        for column, width in self._chosen:
            mark = "bold" if column.order == order != "start" else "dim"
            spans += [Span(pad(cut(column.title, width), width, right=column.right), mark), Span(self._gap)]
        if sought:
            title, width = self._chosen[-1][0].title, self._chosen[-1][1]
            spans[-2] = Span(cut(f"{title}  (only names with {sought})", width), "bold")
        return tuple(spans[:-1])

    def order_at(self, x: int) -> str:
        """Return how a click on this column of the terminal sorts; "" for not."""
        for column, width in self._chosen:
            x -= width + len(self._gap)
            if x < 0:
                return column.order
        return ""

    def row(self, row: Row) -> Spans:
        """Return a service's line."""
        spans = []
        for column, width in self._chosen:
            text, style = column.text(self, row)
            shown = pad(cut(text, width, self.paint.ellipsis()), width, right=column.right)
            spans += [Span(shown, style), Span(self._gap)]
        return tuple(spans[:-1])

    @property
    def _gap(self) -> str:
        return "  " if self.width >= WIDE else " "

    def _choose(self, rows: Sequence[Row]) -> list[tuple[Column, int]]:
        widths = {column.title: self._natural(column, rows) for column in _COLUMNS}
        chosen = [column for column in _COLUMNS if widths[column.title]]
        while self._total(chosen, widths) > self.width and any(column.rank for column in chosen):
            chosen.remove(max(chosen, key=lambda column: column.rank))
        spare = self.width - self._total(chosen, widths)
        # A long name has what room there is before the reasons have it, but not all of it.
        name, last = chosen[0].title, chosen[-1].title
        more = max(0, min(spare // 2, max((columns(str(row["name"])) for row in rows), default=0) - widths[name]))
        widths[name] += more
        widths[last] = max(1, widths[last] + spare - more)
        return [(column, widths[column.title]) for column in chosen]

    def _natural(self, column: Column, rows: Sequence[Row]) -> int:
        most = max((columns(column.text(self, row).text) for row in rows), default=0) if column.most else 0
        found = max(column.least, min(column.most, most))
        found = self._grown[column.title] = max(found, self._grown.get(column.title, 0))
        return found

    def _total(self, chosen: Sequence[Column], widths: Mapping[str, int]) -> int:
        return sum(widths[column.title] for column in chosen) + len(self._gap) * (len(chosen) - 1)


def _name(_: Columns, row: Row) -> Span:
    return Span(words.plain(str(row["name"])), "bold" if row["state"] == "failed" else "")


def _state(table: Columns, row: Row) -> Span:
    state = str(row["state"])
    return Span(f"{table.paint.symbol(state)} {state}", style_of(state))


def _ports(table: Columns, row: Row) -> Span:
    cell = status.ports(row)
    return Span(cell.full or cell.text if table.width >= WIDE else cell.short or cell.text)


def _uptime(_: Columns, row: Row) -> Span:
    seconds = row.get("uptime_s")
    return Span("" if seconds is None else coarse(float(seconds)))


def _cpu(_: Columns, row: Row) -> Span:
    return Span("" if row.get("cpu_percent") is None else percent(float(row["cpu_percent"])))


def _memory(_: Columns, row: Row) -> Span:
    return Span("" if row.get("memory_bytes") is None else size(float(row["memory_bytes"])))


def _cpu_spark(table: Columns, row: Row) -> Span:
    values = table.figures.of(str(row["name"])).cpu
    return Span(cpu_line(values, _spark(table), unicode=table.paint.unicode), "note")


def _memory_spark(table: Columns, row: Row) -> Span:
    values = table.figures.of(str(row["name"])).memory
    return Span(memory_line(values, _spark(table), unicode=table.paint.unicode), "note")


def _spark(table: Columns) -> int:
    return SPARK if table.width < WIDER else 2 * SPARK


def _why(_: Columns, row: Row) -> Span:
    return Span(words.why(row), "dim" if style_of(str(row["state"])) in ("good", "dim") else "")


def _pid(_: Columns, row: Row) -> Span:
    return Span(str(row.get("pid") or ""), "dim")


def _restarts(_: Columns, row: Row) -> Span:
    return Span(str(row.get("restarts") or ""), "warn")


_COLUMNS: Final = (
    Column("NAME", _name, least=8, most=24, order="name"),
    Column("STATE", _state, least=11, most=12, order="state"),
    Column("PID", _pid, rank=8, most=8, right=True),
    Column("PORTS", _ports, rank=7, most=30),
    Column("UPTIME", _uptime, rank=4, least=6, most=6, right=True, order="uptime"),
    Column("RST", _restarts, rank=6, least=3, most=5, right=True, order="restarts"),
    Column("CPU", _cpu, rank=2, least=5, most=6, right=True, order="cpu"),
    Column(" ", _cpu_spark, rank=5, least=SPARK, most=2 * SPARK),
    Column("MEMORY", _memory, rank=3, least=6, most=7, right=True, order="memory"),
    Column("  ", _memory_spark, rank=9, least=SPARK, most=2 * SPARK),
    Column("WHY", _why, least=24, order="start"),
)
