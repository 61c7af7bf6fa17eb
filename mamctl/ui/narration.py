"""What the foreground says of the stack: each change of state on its own line, once, and how it all came out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mamctl.ui import words
from mamctl.ui.amounts import moment
from mamctl.ui.happenings import Happening, sentence
from mamctl.ui.progress import addresses
from mamctl.ui.status import hint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.ui.paint import Paint
    from mamctl.ui.progress import Progress
    from mamctl.ui.stream import Stream

    Event = Mapping[str, Any]

# A cause that other lines tell better, or that nobody needs to read.
_SILENT: Final = frozenset({"process-exit", "process-error", "port-conflict", "supervisor-started", "stdout", "stderr"})
# What a live summary shows already; without a terminal these are lines like all others.
_SUMMARISED: Final = frozenset({"starting", "waiting", "stopping"})


class Narration:
    """Tells events; `ending` is the last word of a supervisor that leaves: `{"code", "reason"}`.

    `began` is when the run was asked for, in monotonic seconds; None when it was up before.
    """

    def __init__(self, progress: Progress, stream: Stream, paint: Paint, began: float | None = None) -> None:
        self._progress = progress
        self._stream = stream
        self._paint = paint
        self._began = began
        self._settled = False
        self.ending: Event | None = None

    def tell(self, event: Event, now: float, *, width: int | None, live: bool) -> list[str]:
        """Take an event and return the lines to show. `live`: a summary shows what is under way.

        `width` is where long lines are broken, None for nowhere.
        """
        data: Event = event.get("data") or {}
        if "ending" in data:
            self.ending = data["ending"]
            return []
        before, after = self._progress.apply(event, now)
        kind = str(event.get("type"))
        if kind in _SILENT or (live and kind in _SUMMARISED):
            return []
        if _is_no_news(kind, before, after):
            return []
        happening = sentence(event)
        if happening is None:
            return []
        if before == "unhealthy" and after == "ready":
            happening = Happening("ready again", "ready")
        return self._lines(event, happening, width)

    def _lines(self, event: Event, happening: Happening, width: int | None) -> list[str]:
        name = event.get("service")
        row = self._progress.rows.get(name or "", {})
        url = row.get("url") if happening.state == "ready" and event.get("type") == "started" else None
        lines = self._stream.state(name, moment(event.get("at")), happening, url=url, width=width)
        step = words.next_step(row) if event.get("type") == "failed" else None
        return [*lines, *hint(step, width or 1 << 16, self._paint, indent="  ")] if step else lines

    def outcome(self, now: float) -> list[str]:
        """Return, the first time all has settled, how it came out and where it can be reached; else nothing."""
        if self._settled:
            return []
        self._settled = True
        rows = list(self._progress.rows.values())
        text = words.settled(rows, None if self._began is None else now - self._began)
        mood = "good" if words.all_well(rows) else "warn"
        symbol = self._paint.symbol("waiting")
        absent = [f"{symbol} {words.absent(str(row['name']))}" for row in rows if row.get("reason") == "absent"]
        return [self._paint(mood, text), *addresses(self._progress, self._paint), *absent]


def _is_no_news(kind: str, before: str | None, after: str | None) -> bool:
    """Tell whether an event repeats what was told: ready again without a lapse, or the end of what did not run."""
    if kind in ("started", "healthy"):
        return before == after == "ready"
    return kind == "stopped" and before in ("failed", "waiting", "completed", "stopped")
