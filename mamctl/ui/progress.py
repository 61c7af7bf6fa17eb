"""The stack as its events tell it: a status document, brought up to date by each event that follows.

No rule of the core is repeated here: every event carries the new state, and this only remembers it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mamctl.ui import words
from mamctl.ui.amounts import duration, lapse
from mamctl.ui.live import spinner
from mamctl.ui.paint import style_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mamctl.ui.paint import Paint

    Data = Mapping[str, Any]

# On the way to ready; a wanted service that is stopping will be started again, or fail.
PENDING: Final = ("starting", "stopping", "backoff", "waiting")
_STATES: Final = {
    "starting": "starting",
    "waiting": "waiting",
    "started": "ready",
    "healthy": "ready",
    "adopted": "ready",
    "unhealthy": "unhealthy",
    "backoff": "backoff",
    "stopping": "stopping",
    "stopped": "stopped",
    "completed": "completed",
    "failed": "failed",
}
_FIELDS: Final = (
    "reason",
    "detail",
    "pid",
    "next_attempt_in_s",
    "attempt",
    "waits_for",
    "exit_code",
    "exit_signal",
    "url",
)


class Progress:
    """Rows of the status by name, kept current by `apply`. Times are the caller's clock, in seconds."""

    def __init__(self, document: Data, now: float) -> None:
        self.name = str(document.get("name"))
        self.rows: dict[str, dict[str, Any]] = {}
        self._since: dict[str, float] = {}
        self.replace(document, now)

    def replace(self, document: Data, now: float) -> None:
        """Take a whole new status document, as after the manifest changed."""
        self.rows = {row["name"]: dict(row) for row in document["services"]}
        self._since = {name: self._since.get(name, now) for name in self.rows}

    def apply(self, event: Data, now: float) -> tuple[str | None, str | None]:
        """Take one event; return the service's state before and after it (None, None when it has no row)."""
        row = self.rows.get(event.get("service") or "")
        if row is None:
            return None, None
        data: Data = event.get("data") or {}
        before = row["state"]
        state = data.get("state") or _STATES.get(str(event.get("type")), before)
        if state != before:
            self._since[row["name"]] = now
            row.update(dict.fromkeys(_FIELDS[:6]), state=state, wanted=_wanted(row, state, data))
        row.update({field: data[field] for field in _FIELDS if field in data})
        return before, state

    def waits_for(self, row: Data) -> list[str]:
        """Return the names a row waits for now: those of the server, else its dependencies that are not good yet."""
        told = row.get("waits_for") or row.get("depends_on") or []
        return [name for name in told if name not in self.rows or self.rows[name]["state"] not in words.GOOD]

    def since(self, name: str, now: float) -> float:
        """Return for how many seconds a service has been in its state, as seen from here."""
        return now - self._since[name]

    def pending(self) -> list[dict[str, Any]]:
        """Return the wanted rows that are still on their way to ready."""
        return [row for row in words.wanted(self.rows.values()) if row["state"] in PENDING]  # type: ignore[misc]  # our own dicts come back

    def leaving(self) -> list[dict[str, Any]]:
        """Return the rows that are still stopping."""
        return [row for row in self.rows.values() if row["state"] == "stopping"]


def _wanted(row: Data, state: str, data: Data) -> object:
    if "wanted" in data:
        return data["wanted"]
    if state == "stopped":
        return "down"
    return "up" if state in PENDING else row.get("wanted")


def starting(progress: Progress, now: float, began: float, paint: Paint) -> list[str]:
    """Return the summary of what is still starting, since when and why each waits; nothing when all has settled."""
    pending = sorted(progress.pending(), key=lambda row: PENDING.index(row["state"]))
    if not pending:
        return []
    wheel = paint("note", spinner(now - began, unicode=paint.unicode))
    told = words.totals(list(progress.rows.values()))
    lines = [f"{wheel} {told}, {lapse(now - began)}"]
    return [*lines, *_folded([_pending(progress, row, now) for row in pending], paint)]


def _pending(progress: Progress, row: Data, now: float) -> str:
    name, seconds = str(row["name"]), progress.since(str(row["name"]), now)
    if row["state"] == "waiting":
        return f"{name} {words.waits(progress.waits_for(row))}"
    if row["state"] == "backoff":
        left = float(row.get("next_attempt_in_s") or 0) - seconds
        return f"{name} failed, next try in {lapse(left)}"
    if row["state"] == "stopping":
        return f"{name} stopping {lapse(seconds)}"
    limit = row.get("start_timeout_s")
    return f"{name} {lapse(seconds)}" + (f" of {duration(float(limit))}" if limit else "")


def _folded(parts: Sequence[str], paint: Paint) -> list[str]:
    """Put the most urgent on the second line and the rest, however many, on the third."""
    bar = " · " if paint.unicode else ", "
    lines = [f"  {parts[0]}"]
    if len(parts) > 1:
        lines.append(f"  {bar.join(parts[1:])}")
    return lines


def stopping(progress: Progress, now: float, began: float, paint: Paint) -> list[str]:
    """Return the summary of what is still stopping."""
    leaving = progress.leaving()
    wheel = paint("note", spinner(now - began, unicode=paint.unicode))
    parts = [f"{row['name']} {lapse(progress.since(str(row['name']), now))}" for row in leaving]
    lines = [f"{wheel} stopping, {lapse(now - began)}"]
    return [*lines, *_folded(parts, paint)] if parts else lines


def addresses(progress: Progress, paint: Paint) -> list[str]:
    """Return where people reach what is ready, one line each."""
    rows = [row for row in progress.rows.values() if row.get("url") and row["state"] == "ready"]
    width = max((len(row["name"]) for row in rows), default=0)
    return [f"  {paint(style_of(row['state']), row['name'].ljust(width))}  {paint('note', row['url'])}" for row in rows]
