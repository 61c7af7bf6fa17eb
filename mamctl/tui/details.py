"""All that is known of one service, as lines: first how it is and what to do, then the facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mamctl.tui.columns import coarse
from mamctl.tui.figures import cpu_line, memory_line
from mamctl.tui.spans import Span
from mamctl.ui import words
from mamctl.ui.amounts import count, local, moment, percent, size
from mamctl.ui.measure import wrap
from mamctl.ui.paint import style_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mamctl.tui.figures import Figures
    from mamctl.tui.spans import Spans
    from mamctl.ui.paint import Paint

    Row = Mapping[str, Any]

LEAD: Final = 12
LONGEST_LINE: Final = 60


def of(row: Row, figures: Figures, width: int, paint: Paint) -> list[Spans]:
    """Return the lines about a service, none wider than `width`."""
    state, name = str(row["state"]), words.plain(str(row["name"]))
    lines: list[Spans] = [(Span(f"{paint.symbol(state)} {state}", style_of(state)), Span(f"  {name}", "bold"))]
    lines += [(Span(text),) for text in wrap(words.why(row), width) if text]
    if step := words.next_step(row):
        lines += [(Span(text, "note"),) for text in wrap(f"hint: {step}", width, "", "      ")]
    room = min(LONGEST_LINE, width - LEAD - 10)
    facts = [(_label(label), Span(text)) for label, text in _facts(row) if text]
    return [*lines, (), *_measured(row, figures, room, paint), *facts]


def _label(text: str) -> Span:
    return Span(text.ljust(LEAD), "dim")


def _measured(row: Row, figures: Figures, room: int, paint: Paint) -> Iterator[Spans]:
    series = figures.of(str(row["name"]))
    if row.get("cpu_percent") is not None:
        text = percent(float(row["cpu_percent"]))
        yield (
            _label("cpu"),
            Span(f"{text:>7}  "),
            Span(cpu_line(series.cpu, room, unicode=paint.unicode).lstrip(), "note"),
        )
    if row.get("memory_bytes") is not None:
        text = size(float(row["memory_bytes"]))
        line = memory_line(series.memory, room, unicode=paint.unicode).lstrip()
        yield _label("memory"), Span(f"{text:>7}  "), Span(line, "note")


def _facts(row: Row) -> Iterator[tuple[str, str]]:
    yield "kind", str(row["kind"]) if row.get("ownership") == "managed" else f"{row['kind']}, {row.get('ownership')}"
    yield "wanted", str(row.get("wanted") or "")
    yield "pid", str(row.get("pid") or "")
    yield "url", str(row.get("url") or "")
    yield "ports", ", ".join(f"{name} {number}" for name, number in (row.get("ports") or {}).items())
    yield "up for", "" if row.get("uptime_s") is None else coarse(float(row["uptime_s"]))
    yield "started", count(int(row["generation"]), "time") if row.get("generation") else "never"
    yield "restarts", _restarts(row)
    yield "ended", words.ended(row)
    yield "next run", local(moment(row["next_run_at"])) if row.get("next_run_at") else ""
    yield "needs", words.names(row.get("depends_on") or [], most=8)
    yield "log", str(row.get("log") or "")


def _restarts(row: Row) -> str:
    text = str(row.get("restarts") or "none")
    if not row.get("attempt"):
        return text
    most = f" of {row['max_attempts']}" if row.get("max_attempts") else ""
    return f"{text} ({row['attempt']}{most} count against its budget)"
