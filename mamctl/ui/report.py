"""Errors and outcomes as lines: `error: what, which, why`, then the last words of a log, then `hint: what next`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mamctl.ui import words
from mamctl.ui.escape import displayable
from mamctl.ui.measure import cut, wrap
from mamctl.ui.status import hint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mamctl.core.errors import Problem
    from mamctl.ui.paint import Paint

    Data = Mapping[str, Any]


def error(message: str, step: str | None, paint: Paint) -> list[str]:
    """Return `error: ...` and, when there is one, `hint: ...`. They stay one line each, so that tools can read them."""
    lines = [f"{paint('bad', 'error:')} {message}"]
    return [*lines, f"{paint('note', 'hint:')} {step}"] if step else lines


def note(message: str, paint: Paint) -> str:
    """Return `warning: ...`."""
    return f"{paint('warn', 'warning:')} {message}"


def problems(found: Sequence[Problem], paint: Paint) -> list[str]:
    """Return every problem of a manifest on its line, each hint beneath it."""
    lines: list[str] = []
    for problem in found:
        # It names keys as a file has them, which may be somebody else's.
        lines += error(words.plain(str(problem)), None, paint)
        if problem.hint:
            lines.append(f"  {paint('note', 'hint:')} {words.plain(problem.hint)}")
    return lines


def failure(entry: Data, width: int, paint: Paint, *, tail: bool = True) -> list[str]:
    """Return one failed service: its cause, its last lines of output, and what to do."""
    name, symbol = str(entry["service"]), paint.symbol(str(entry.get("state") or "failed"))
    cause = words.reason(entry) or words.ended(entry) or "no reason is known"
    how = words.ended(entry)
    if how.removeprefix("exit ") not in cause and entry.get("reason") in ("exited", "killed", "gave_up"):
        cause = f"{cause} ({how})"
    first, *rest = wrap(f"{symbol} {name} {_what(entry)}{cause}", width, "", "  ")
    lines = [paint("bad", first), *(paint("bad", line) for line in rest)]
    if tail:
        lines += _tail(entry, width, paint)
    step = words.next_step({"state": "failed", **entry, "name": name})
    return [*lines, *hint(step, width, paint, indent="  ")] if step else lines


def _what(entry: Data) -> str:
    """Return what comes before the cause; who waits says so in its cause."""
    if entry.get("reason") == "absent":
        return "is absent: "
    return "" if entry.get("reason") == "dependency_waiting" else f"{entry.get('state') or 'failed'}: "


def told_in(report: Data) -> set[str]:
    """Return the names of the services whose trouble `outcome` tells."""
    failed: Sequence[Data] = report.get("failed") or []
    return {*(str(entry["service"]) for entry in failed), *(report.get("absent") or [])}


def _tail(entry: Data, width: int, paint: Paint) -> list[str]:
    found: Sequence[str] = entry.get("tail") or []
    if not found:
        return []
    bar = paint("dim", "│" if paint.unicode else "|")
    shown = [cut(displayable(line.encode("utf-8", "replace")), width - 4, paint.ellipsis()) for line in found]
    return [f"  {paint('dim', _where(entry))}", *(f"  {bar} {line}" for line in shown)]


def _where(entry: Data) -> str:
    return f"its last words, from {entry['log']}:" if entry.get("log") else "its last words:"


def outcome(report: Data, width: int, paint: Paint) -> list[str]:
    """Return what a person must know about an outcome: removed, failed, pending and absent services."""
    lines: list[str] = []
    rescaled: Sequence[Data] = report.get("scaled") or []
    lines += [f"{line}: the manifest says so" for line in words.rescaled(rescaled)]
    removed = words.not_of(rescaled, report.get("removed") or [])
    if removed:
        lines.append(f"stopped, because the manifest has them no more: {words.names(removed, most=20)}")
    failed: Sequence[Data] = report.get("failed") or []
    followers = [entry for entry in failed if entry.get("reason") == "dependency_failed"]
    together = followers if len(followers) > 1 else []
    for entry in failed:
        if entry not in together:
            lines += failure(entry, width, paint)
    if together:
        also = words.followers([str(entry["service"]) for entry in together])
        lines += [paint("bad", line) for line in wrap(f"{paint.symbol('failed')} {also}", width, "", "  ")]
    for entry in report.get("pending") or []:
        because = f": {words.plain(entry['detail'])}" if entry.get("detail") else ""
        lines += wrap(
            f"{paint.symbol(str(entry['state']))} {entry['service']} is still {entry['state']}{because}",
            width,
            "",
            "  ",
        )
    told = {entry["service"] for entry in failed}
    for name in [one for one in report.get("absent") or [] if one not in told]:
        lines += wrap(f"{paint.symbol('waiting')} {words.absent(name)}", width, "", "  ")
    return lines


def stop_notes(report: Data, paint: Paint) -> list[str]:
    """Return what a stop leaves behind: dependants that go on, and processes that would not end."""
    lines = []
    dependants: Sequence[str] = report.get("running_dependants") or []
    if dependants:
        verbs = ("is", "depends") if len(dependants) == 1 else ("are", "depend")
        who = words.names(dependants, most=20)
        lines.append(note(f"{who} {verbs[0]} still running, and {verbs[1]} on what was stopped", paint))
    if report.get("survivors"):
        lines += error(words.survivors(report["survivors"]), "they ignored TERM and KILL could not end them", paint)
    return lines
