"""What stands above, between and below: the headline, events as lines, what to do when nothing runs, the help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mamctl.tui.columns import coarse
from mamctl.tui.spans import Span, service_style
from mamctl.ui import words
from mamctl.ui.amounts import clock, moment
from mamctl.ui.happenings import sentence
from mamctl.ui.measure import columns, cut
from mamctl.ui.paint import style_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mamctl.tui.spans import Spans
    from mamctl.ui.paint import Paint

    Data = Mapping[str, Any]

KEYS: Final = (
    ("Services", (
        ("up, down, j, k", "choose a service (a click, too)"),
        ("s  x  r", "start, stop, restart the chosen one"),
        ("i", "send it a signal"),
        ("X  R", "stop all, restart all (asks first)"),
        ("o", "another order: start, name, state, cpu ..."),
        ("f", "only services with a part of a name"),
    )),
    ("Panes", (
        ("1  2  3  4", "logs, events, dependencies, details"),
        ("Tab", "keys for the pane, or for the services"),
        ("a", "the pane tells of all services, or of one"),
        ("z", "the pane alone, or with the table"),
    )),
    ("Logs", (
        ("/  n  N", "search; next match, the one before"),
        ("&", "only lines that match"),
        ("p, Space", "pause; lines go on being kept"),
        ("F, End", "follow again"),
        ("w", "wrap long lines, or not"),
        ("Esc", "end search and filters"),
    )),
    ("This screen", (("?", "this help"), ("q, Ctrl-C", "leave; nothing is stopped by it"), ("Ctrl-Z", "suspend"))),
)  # fmt: skip


def headline(document: Data | None, title: str, note: str, width: int) -> Spans:
    """Return the line on top: the stack, how it is, and a note or the supervisor at the right.

    A note is worth more than what the table shows, too; whose supervisor it is, is left out where it does not fit.
    """
    if document is None:
        return _apart([Span(title, "bold")], Span(note, "warn"), width)
    rows: Sequence[Data] = document["services"]
    name, totals = str(document["name"]), words.totals(rows)
    supervisor = document.get("supervisor") or {}
    up = f"supervisor {supervisor.get('pid')}, up {coarse(float(supervisor.get('uptime_s') or 0))}"
    room = width - columns(f"{name}: ") - 2
    if note:
        totals = cut(totals, max(12, room - columns(note)))
    fits = note or columns(up) + columns(totals) <= room
    left = [Span(name, "bold"), Span(": "), Span(totals, "good" if words.all_well(rows) else "warn")]
    return _apart(left, Span(note, "note") if note else Span(up if fits else "", "dim"), width)


def _apart(left: Sequence[Span], right: Span, width: int) -> Spans:
    room = max(0, width - sum(columns(span.text) for span in left) - 2)
    text = cut(right.text, room)
    return (*left, Span(" " * (room + 2 - columns(text))), right._replace(text=text))


def happened(event: Data, position: Callable[[str], int], paint: Paint) -> Spans | None:
    """Return the line of an event, None for one that has nothing to say to people."""
    happening = sentence(event)
    if happening is None:
        return None
    style, symbol = style_of(happening.state), paint.symbol(happening.state) if happening.state else " "
    who = str(event.get("service") or "")
    name = [Span(f"{words.plain(who)} ", service_style(position(who)))] if who else []
    return (Span(f"{clock(moment(event['at']))} ", "dim"), Span(f"{symbol} ", style), *name, Span(happening.text))


def nothing_runs(title: str, why: str, *, remote: bool) -> list[Spans]:
    """Return what to do where no supervisor answers."""
    if remote:
        return [(Span(why, "warn"),), (), (Span("This screen comes to life as soon as it answers. q leaves."),)]
    return [
        (Span(title, "bold"), Span(" does not run.")),
        (Span(why, "dim"),),
        (),
        (Span("mamctl up -d", "bold"), Span("  brings the stack up, in another terminal;")),
        (Span("mamctl doctor", "bold"), Span(" says what may be in its way.")),
        (),
        (Span("This screen comes to life as soon as it runs. q leaves."),),
    ]


def help_lines() -> list[Spans]:
    """Return the help: every key, by what it is about."""
    lines: list[Spans] = []
    for title, keys in KEYS:
        lines += [(), (Span(title, "bold"),)] if lines else [(Span(title, "bold"),)]
        lines += [(Span(f"  {key:<16}", "note"), Span(text)) for key, text in keys]
    return lines


def outcome(verb: str, name: str, answer: Data) -> str:
    """Return in one line what became of a start, stop or restart."""
    left = [*answer.get("failed", ()), *answer.get("pending", ())]
    if left:
        one = left[0]
        return f"{one['service']} is {one['state']}: {words.reason(one) or 'see its log'}"
    if survivors := answer.get("survivors"):
        return words.survivors(survivors)
    done = {"start": "started", "stop": "stopped", "restart": "restarted"}[verb]
    running = answer.get("running_dependants") or []
    return f"{name} {done}; {words.names(running)} goes on without it" if running else f"{name} {done}"
