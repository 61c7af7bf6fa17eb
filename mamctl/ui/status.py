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
    Column("NAME", least=16),
    Column("STATE"),
    Column("PID", right=True, drop=4),
    Column("PORTS", drop=2),
    Column("UPTIME", right=True, drop=3),
    Column("RESTARTS", right=True, drop=5),
    Column("CPU", right=True, drop=7),
    Column("MEMORY", right=True, drop=6),
    Column("WHY", least=38),
)


def table(
    rows: Sequence[Row], width: int, paint: Paint, told: Collection[str] = (), *, flat: bool = False
) -> list[str]:
    """Return the lines of the status table in the order of the start, layers told apart; `flat`: as the rows come."""
    rows = rows if flat else in_layers(rows)
    cells = [_cells(row, words.brief(row) if row["name"] in told else words.why(row), paint) for row in rows]
    return draw(_COLUMNS, cells, width, paint, () if flat else _boundaries(rows))


def in_layers(rows: Sequence[Row]) -> list[Row]:
    """Return the rows in the order of the start, the replicas of a service beside each other."""
    first: dict[str, int] = {}
    for position, row in enumerate(rows):
        first.setdefault(str(row["service"]), position)
    return sorted(rows, key=lambda row: (row.get("layer", 0), first[str(row["service"])]))


def _boundaries(rows: Sequence[Row]) -> set[int]:
    """Return the positions where another layer begins; none where layers are so small that rules are noise."""
    layers = [row.get("layer", 0) for row in rows]
    found = {position for position in range(1, len(rows)) if layers[position] != layers[position - 1]}
    return found if 2 * (len(found) + 1) <= len(rows) else set()


def _cells(row: Row, why: str, paint: Paint) -> list[Cell]:
    state = str(row["state"])
    style = style_of(state)
    memory, cpu = row.get("memory_bytes"), row.get("cpu_percent")
    return [
        Cell(words.plain(str(row["name"])), "bold" if state == "failed" else ""),
        Cell(f"{paint.symbol(state)} {state}", style),
        Cell(_text(row.get("pid")), "dim"),
        ports(row),
        Cell("" if row.get("uptime_s") is None else age(float(row["uptime_s"]))),
        Cell(_text(row.get("restarts") or None), "warn"),
        Cell("" if cpu is None else percent(float(cpu))),
        Cell("" if memory is None else size(float(memory))),
        Cell(why, "dim" if style in ("good", "dim") else ""),
    ]


def _text(value: object) -> str:
    return "" if value is None else str(value)


def ports(row: Row) -> Cell:
    """Return the ports as people type them: `:5001`, or `http:5001 admin:5002`; the whole URL where there is room."""
    numbers: Mapping[str, int] = row.get("ports") or {}
    if not numbers:
        return Cell("")
    (_, number), *others = numbers.items()
    url = str(row.get("url") or "")
    if not others:
        return Cell(f":{number}", full=url)
    text = " ".join(f"{name}:{port}" for name, port in numbers.items())
    more = " ".join(f"{name}:{port}" for name, port in others)
    return Cell(text, full=f"{url} {more}" if url else "", short=f":{number} +{len(others)}")


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
    """Return a full sentence and the next step for each service that failed or is unhealthy.

    Those that failed only because another one did are told together: nobody can mend them by themselves.
    """
    ill = [row for row in rows if row["state"] in ("failed", "unhealthy") or row.get("reason") == "absent"]
    roots = [row for row in ill if row.get("reason") != "dependency_failed"]
    lines = [line for row in roots or ill for line in _note(row, width, paint)]
    followers = [str(row["name"]) for row in ill if row.get("reason") == "dependency_failed"] if roots else []
    if followers:
        symbol = paint.symbol("failed")
        first, *rest = wrap(f"{symbol} {words.followers(followers)}", width, "", "  ")
        lines += [first.replace(symbol, paint("bad", symbol), 1), *rest]
    return lines


def _note(row: Row, width: int, paint: Paint) -> list[str]:
    state = str(row["state"])
    symbol = paint.symbol(state)
    first, *rest = wrap(f"{symbol} {row['name']}: {words.why(row) or state}", width, "", "  ")
    lines = [first.replace(symbol, paint(style_of(state), symbol), 1), *rest]
    step = words.next_step(row)
    return [*lines, *hint(step, width, paint, indent="  ")] if step else lines


def hint(text: str, width: int, paint: Paint, indent: str = "") -> list[str]:
    """Return `hint: text`, wrapped between words."""
    first, *rest = wrap(f"hint: {text}", width, indent, f"{indent}      ")
    return [first.replace("hint:", paint("note", "hint:"), 1), *rest]


def _none(document: Row) -> str:
    return "there is no replica now" if document.get("replicas") else "the manifest has no services"


def page(
    document: Row,
    width: int,
    paint: Paint,
    *,
    only: Sequence[Row] | None = None,
    told: Collection[str] = (),
    flat: bool = False,
) -> list[str]:
    """Return all of `mamctl status`: headline, table, and the notes.

    `only` are the rows that were asked for; the headline is about the whole stack all the same. `told` are the names
    of services whose trouble is told in full elsewhere: here it is only named. `flat` keeps the order of the rows.
    """
    rows: Sequence[Row] = document["services"] if only is None else only
    lines = [headline(document, width, paint), ""]
    lines += table(rows, width, paint, told, flat=flat) if rows else [_none(document)]
    untold = [row for row in rows if row["name"] not in told]
    below = notes(untold, width, paint) if document.get("supervisor") is not None else []
    return [*lines, "", *below] if below else lines
