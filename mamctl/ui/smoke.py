"""A smoke run as lines: each step as it ends, why it is not good, how its service is, and the sum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mamctl.ui import words
from mamctl.ui.amounts import count, duration, lapse
from mamctl.ui.escape import displayable
from mamctl.ui.live import spinner
from mamctl.ui.measure import columns, cut, pad, wrap
from mamctl.ui.status import hint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mamctl.ui.paint import Paint

    Data = Mapping[str, Any]

_STATES: Final = {"passed": "completed", "failed": "failed", "skipped": "stopped"}
_STYLES: Final = {"passed": "good", "failed": "bad", "skipped": "dim"}
_NAME_COLUMNS: Final = 48


def step(entry: Data, width: int, paint: Paint) -> list[str]:
    """Return one step that has ended: its line and, when it is not good, why and how its services are."""
    verdict = str(entry["verdict"])
    symbol = paint(_STYLES[verdict], paint.symbol(_STATES[verdict]))
    end = "skipped" if verdict == "skipped" else duration(float(entry["seconds"]))
    name = words.plain(str(entry["name"]))
    lines = [f"{symbol} {pad(name, _NAME_COLUMNS) if columns(name) < _NAME_COLUMNS else name}  {paint('dim', end)}"]
    if entry.get("detail"):
        style = "" if verdict == "failed" else "dim"
        lines += [paint(style, line) for line in wrap(words.plain(str(entry["detail"])), width, "  ", "    ")]
    for about in entry.get("services") or ():
        lines += _service(about, width, paint)
    return lines


def _service(about: Data, width: int, paint: Paint) -> list[str]:
    """Return how a service is whose step failed, with its last words and what to do."""
    why = words.why(about)
    state = f"{about['name']} is {about['state']}" + (f": {why}" if why else "")
    lines = wrap(state, width, "  ", "    ")
    tail: Sequence[str] = about.get("tail") or ()
    if tail:
        where = f"its last words, from {about['log']}:" if about.get("log") else "its last words:"
        lines.append(f"  {paint('dim', where)}")
        bar = paint("dim", "│" if paint.unicode else "|")
        shown = [cut(displayable(line.encode("utf-8", "replace")), width - 4, paint.ellipsis()) for line in tail]
        lines += [f"  {bar} {line}" for line in shown]
    following = words.next_step(about)
    return [*lines, *hint(following, width, paint, indent="  ")] if following else lines


def under_way(name: str, seconds: float, within: float | None, paint: Paint) -> list[str]:
    """Return the line of the step under way."""
    wheel = paint("note", spinner(seconds, unicode=paint.unicode))
    limit = f" of {duration(within)}" if within is not None else ""
    return [f"{wheel} {words.plain(name)}, {lapse(seconds)}{limit}"]


def total(document: Data, paint: Paint) -> str:
    """Return the sum in one line."""
    passed, failed, skipped = (int(document[key]) for key in ("passed", "failed", "skipped"))
    text = f"{passed} of {count(passed + failed + skipped, 'step')} passed in {duration(float(document['seconds']))}"
    rest = [f"{number} {word}" for number, word in ((failed, "failed"), (skipped, "skipped")) if number]
    return paint("good" if document["ok"] else "bad", ", ".join([text, *rest]))
