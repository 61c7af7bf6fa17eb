"""The status table, and the notes beneath it about what is not well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mamctl.ui import words
from mamctl.ui.amounts import age, percent, size
from mamctl.ui.measure import columns, cut, wrap
from mamctl.ui.paint import style_of
from mamctl.ui.table import Cell, Column, draw

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from mamctl.ui.paint import Paint

    Row = Mapping[str, Any]

# What goes first when the terminal is narrow: figures before facts.
_COLUMNS: Final = (
    Column("NAME", least=12),
    Column("STATE"),
    Column("PID", right=True, drop=4),
    Column("PORTS", drop=2),
    Column("UPTIME", right=True, drop=3),
    Column("RESTARTS", right=True, drop=5),
    Column("CPU", right=True, drop=7),
    Column("MEMORY", right=True, drop=6),
    Column("WHY", least=34),
)


def table(rows: Sequence[Row], width: int, paint: Paint, told: Collection[str] = ()) -> list[str]:
    """Return the lines of the status table, in the order of the rows (the manifest's)."""
    cells = [_cells(row, words.brief(row) if row["name"] in told else words.why(row), paint) for row in rows]
    return draw(_COLUMNS, cells, width, paint)


def _cells(row: Row, why: str, paint: Paint) -> list[Cell]:
    state = str(row["state"])
    style = style_of(state)
    memory, cpu = row.get("memory_bytes"), row.get("cpu_percent")
    return [
        Cell(str(row["name"]), "bold" if state == "failed" else ""),
        Cell(f"{paint.symbol(state)} {state}", style),
        Cell(_text(row.get("pid")), "dim"),
        Cell(ports(row)),
        Cell("" if row.get("uptime_s") is None else age(float(row["uptime_s"]))),
        Cell(_text(row.get("restarts") or None), "warn"),
        Cell("" if cpu is None else percent(float(cpu))),
        Cell("" if memory is None else size(float(memory))),
        Cell(why, "dim" if style in ("good", "dim") else ""),
    ]


def _text(value: object) -> str:
    return "" if value is None else str(value)


def ports(row: Row) -> str:
    """Return the ports in one cell: the number alone when there is one, else `name:number` for each."""
    numbers: Mapping[str, int] = row.get("ports") or {}
    if len(numbers) == 1:
        return str(*numbers.values())
    return " ".join(f"{name}:{number}" for name, number in numbers.items())


def headline(document: Row, width: int, paint: Paint) -> str:
    """Return the line above the table: the stack's name, how it is, and, where it fits, since when."""
    supervisor, name = document.get("supervisor"), str(document["name"])
    rows: Sequence[Row] = document["services"]
    if supervisor is None:
        return f"{paint('bold', name)}: not running"
    up = f"(supervisor {supervisor['pid']}, up {age(float(supervisor.get('uptime_s') or 0))})"
    totals = cut(words.totals(rows), width - columns(name) - 2, paint.ellipsis())
    line = f"{paint('bold', name)}: {paint('good' if words.all_well(rows) else 'warn', totals)}"
    return f"{line} {paint('dim', up)}" if columns(f"{name}: {totals} {up}") <= width else line


def notes(rows: Sequence[Row], width: int, paint: Paint) -> list[str]:
    """Return a full sentence and the next step for each service that failed or is unhealthy."""
    lines: list[str] = []
    for row in rows:
        if row["state"] not in ("failed", "unhealthy") and row.get("reason") != "absent":
            continue
        state = str(row["state"])
        symbol = paint.symbol(state)
        first, *rest = wrap(f"{symbol} {row['name']}: {words.why(row) or state}", width, "", "  ")
        lines += [first.replace(symbol, paint(style_of(state), symbol), 1), *rest]
        step = words.next_step(row)
        if step:
            lines += hint(step, width, paint, indent="  ")
    return lines


def hint(text: str, width: int, paint: Paint, indent: str = "") -> list[str]:
    """Return `hint: text`, wrapped between words."""
    first, *rest = wrap(f"hint: {text}", width, indent, f"{indent}      ")
    return [first.replace("hint:", paint("note", "hint:"), 1), *rest]


def page(
    document: Row, width: int, paint: Paint, *, only: Sequence[Row] | None = None, told: Collection[str] = ()
) -> list[str]:
    """Return all of `mamctl status`: headline, table, and the notes.

    `only` are the rows that were asked for; the headline is about the whole stack all the same. `told` are the names
    of services whose trouble is told in full elsewhere: here it is only named.
    """
    rows: Sequence[Row] = document["services"] if only is None else only
    lines = [headline(document, width, paint), ""]
    lines += table(rows, width, paint, told) if rows else ["the manifest has no services"]
    untold = [row for row in rows if row["name"] not in told]
    below = notes(untold, width, paint) if document.get("supervisor") is not None else []
    return [*lines, "", *below] if below else lines
