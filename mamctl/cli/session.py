"""The loop of a foreground run: signals, keys, events and log lines come in; lines and a live summary go out.

One loop, one `select`, no locks. Signals and slow requests only make a descriptor readable. While the terminal takes
nothing more (Ctrl-S, a slow link) no log line is read, so memory stays flat: the follower skips and says how much.
"""

from __future__ import annotations

import select
import signal
import time
from typing import TYPE_CHECKING, Any, Final

from mamctl.cli.aftermath import end_what_is_left
from mamctl.cli.departure import NOTHING_LEFT
from mamctl.cli.prompt import Prompt
from mamctl.cli.requests import Requests
from mamctl.ui import progress as summaries
from mamctl.ui.report import outcome
from mamctl.ui.status import page
from mamctl.ui.timeline import interleave

if TYPE_CHECKING:
    from mamctl.cli.console import Console
    from mamctl.cli.departure import Departure
    from mamctl.cli.invocation import Invocation
    from mamctl.cli.rejoining import Events
    from mamctl.cli.signals import Signals
    from mamctl.cli.tailing import Tail
    from mamctl.ui.narration import Narration
    from mamctl.ui.progress import Progress
    from mamctl.ui.stream import Stream

FRAME: Final = 0.1
# Kernels before 6.4 do not tell of a splice, so logs are looked at anyway; people notice a quarter of a second.
IDLE: Final = 0.1
ASK_AGAIN: Final = 0.5
RESTART_SECONDS: Final = 120.0
FAREWELL_LINES: Final = 500
HELP: Final = (
    "s  the status table",
    "r  restart a service, or all",
    "q  stop everything, as Ctrl-C does; when observing: detach",
    "Ctrl-Z pauses this view (fg brings it back); the services go on",
)


class Session:
    """One foreground run. `departure` is None when it only observes: then Ctrl-C detaches."""

    def __init__(
        self,
        invocation: Invocation,
        *,
        console: Console,
        signals: Signals,
        events: Events,
        follower: Tail,
        progress: Progress,
        narration: Narration,
        stream: Stream,
        departure: Departure | None,
    ) -> None:
        self._invocation = invocation
        self._console = console
        self._signals = signals
        self._events = events
        self._follower = follower
        self._progress = progress
        self._narration = narration
        self._stream = stream
        self._departure = departure
        self._requests = Requests(invocation.place.socket, invocation.paint)
        self._prompt: Prompt | None = None
        self._lines: list[str] = []
        self._code: int | None = None
        self._pending_since = time.monotonic()
        self._asked_at = 0.0
        self._all_settled = False
        self._skipped = 0

    def run(self) -> int:
        """Go on until the run ends; return the exit code."""
        while self._code is None:
            self._turn()
            self._paint()
        self._console.show(self._lines)
        return self._code

    def say(self, lines: list[str]) -> None:
        """Let lines scroll past with the next painting."""
        self._lines += lines

    def close(self) -> None:
        """Close what the run holds open."""
        self._events.close()
        self._follower.close()

    # What comes in ------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        readers, writers = self._sources()
        ready, _, _ = select.select(readers, writers, [], self._patience())
        self._console.outlet.push()
        for number in self._signals.read() if self._signals in ready else ():
            self._signal(number)
        if self._console.keyboard in ready:
            self._keys()
        if self._code is not None:
            return  # detached, and that was the last word
        self._lines += self._requests.answered(ready)
        self._tell(self._heard() if self._events in ready else [])
        if self._console.outlet.closed:
            self._signal(signal.SIGHUP)

    def _sources(self) -> tuple[list[Any], list[Any]]:
        readers: list[Any] = [self._signals, self._events, *self._requests.errands]
        if self._console.keys:
            readers.append(self._console.keyboard)
        if self._console.outlet.pending:
            return readers, [self._console.outlet]
        watched = self._follower.fileno()
        return (readers if watched is None else [*readers, watched]), []

    def _patience(self) -> float:
        if self._follower.pending and not self._console.outlet.pending:
            return 0.0
        if self._follower.fileno() is None:
            return FRAME / 2
        return FRAME if self._summary() else IDLE

    def _heard(self) -> list[dict[str, Any]] | None:
        """Return the events that came, None when no more will."""
        try:
            return self._events.read()
        except EOFError:
            return None

    def _tell(self, events: list[dict[str, Any]] | None) -> None:
        """Tell what happened and what was written. Logs are read after the events, so that none lacks its output."""
        written = [] if self._console.outlet.pending else self._written()
        told = [(event, self._happened(event)) for event in events or ()]
        self._lines += interleave(told, written)
        # Its last word is enough: it waits for those who still listen.
        if events is None or self._narration.ending is not None:
            self._left()

    def _happened(self, event: dict[str, Any]) -> list[str]:
        now, live = time.monotonic(), self._console.interactive
        lines = self._narration.tell(event, now, width=self._console.live.width if live else None, live=live)
        if event.get("type") == "manifest-changed":
            self._manifest_changed(now)
        return lines

    def _manifest_changed(self, now: float) -> None:
        document = self._invocation.status()
        if document is None:
            return
        self._progress.replace(document, now)
        for name in self._progress.rows:
            self._stream.add(name)
        self._follower.turn_to(self._progress.rows)

    def _written(self, *, rest: bool = False) -> list[tuple[float, str]]:
        """Return the lines that came, with their times; with `rest`, unfinished ones too."""
        lines = self._follower.poll(rest=rest)
        shown = [(line.at, self._stream.line(line.service, line.at, line.line)) for line in lines]
        skipped, self._skipped = self._follower.skipped - self._skipped, self._follower.skipped
        if skipped:
            shown.append((time.time(), self._stream.skipped(time.time(), skipped)))
        return shown

    def _unread(self) -> list[str]:
        """Return the newest of what was written and not shown yet: few enough that the last words get through."""
        lines = self._written(rest=True)
        shown = [line for _, line in lines[-FAREWELL_LINES:]]
        left_out = len(lines) - len(shown)
        return [self._stream.skipped(time.time(), left_out), *shown] if left_out else shown

    def _left(self) -> None:
        """End the run, now that the supervisor is gone; what it was asked last is answered first."""
        self._lines += self._requests.finish()
        self._lines += [*self._unread(), *self._outcome()]
        if self._departure is not None:
            left = NOTHING_LEFT if self._narration.ending else end_what_is_left(self._invocation)
            self._code, lines = self._departure.finish(self._narration.ending, left)
            self._lines += lines
            return
        ending = self._narration.ending
        self._code = 1 if ending is None else int(ending.get("code") or 0)
        self._lines.append("the supervisor was lost" if ending is None else "the stack was stopped")

    # What people ask for ------------------------------------------------------------------------------------------

    def _signal(self, number: signal.Signals) -> None:
        if number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._leave(number)
        elif number == signal.SIGTSTP:
            self._console.suspend()
            self._signals.stop_here()
        elif number == signal.SIGCONT:
            self._console.resume()
        else:
            self._console.resize()

    def _leave(self, number: signal.Signals) -> None:
        self._prompt = None
        if self._departure is None:
            self._code = 0 if number == signal.SIGINT else 128 + number
            self._lines += [line for _, line in self._written()]
            self._lines.append("detached: the stack goes on; `mamctl down` stops it")
            return
        if number == signal.SIGHUP and self._departure.begun:
            # A hangup is heard three times: as a signal, as the end of the keys, and when writing.
            return
        if not self._departure.begun:
            self._pending_since = time.monotonic()
        self._lines += self._departure.ask(number, self._progress, self._requests)

    def _keys(self) -> None:
        assert self._console.keyboard is not None
        try:
            keys = self._console.keyboard.read()
        except OSError:
            keys = ""
        if not keys:
            self._console.keyboard.leave()
            self._leave(signal.SIGHUP)
        for key in keys:
            self._key(key)

    def _key(self, key: str) -> None:
        if self._prompt is not None:
            self._prompt.press(key)
            self._finish_prompt()
        elif key == "q":
            self._leave(signal.SIGINT)
        elif key == "?":
            self._lines += HELP
        elif key == "s":
            self._requests.send("GET", "/v1/status", None, self._status_lines)
        elif key == "r" and not (self._departure and self._departure.begun):
            self._prompt = Prompt("restart which service? (a name or pattern, Enter: all, Esc: none)")
        elif key in ("\r", "\n"):
            self._lines.append("")

    def _finish_prompt(self) -> None:
        prompt = self._prompt
        if prompt is None or not prompt.done:
            return
        self._prompt = None
        if prompt.answer is not None:
            body = {"services": prompt.answer.split() or None, "wait": RESTART_SECONDS}
            self._requests.send("POST", "/v1/restart", body, self._restart_lines, RESTART_SECONDS)

    def _status_lines(self, document: Any) -> list[str]:
        return ["", *page(document, self._console.live.width, self._invocation.paint), ""]

    def _restart_lines(self, report: Any) -> list[str]:
        return outcome(report, self._console.live.width, self._invocation.paint)

    # What goes out ------------------------------------------------------------------------------------------------

    def _paint(self) -> None:
        lines, self._lines = [*self._lines, *self._outcome()], []
        self._console.show(lines, self._summary())

    def _outcome(self) -> list[str]:
        """Return how bringing up came out, once: when all has settled, and nobody has asked for the end."""
        now = time.monotonic()
        leaving = self._departure is not None and self._departure.begun
        return [] if leaving or not self._settled(now) else self._narration.outcome(now)

    def _settled(self, now: float) -> bool:
        """Tell whether all that is wanted has settled. What only waits may wait for ever: the supervisor knows."""
        pending = self._progress.pending()
        if not pending:
            self._pending_since = now
            self._all_settled = True
        elif any(row["state"] != "waiting" for row in pending):
            self._all_settled = False
        elif not self._all_settled and now - self._asked_at > ASK_AGAIN:
            self._asked_at = now
            document = self._invocation.status()
            self._all_settled = bool(document and document.get("wanted_settled"))
        return self._all_settled

    def _summary(self) -> list[str]:
        now, paint = time.monotonic(), self._invocation.paint
        if self._prompt is not None:
            return [self._prompt.line()]
        if self._departure is not None and self._departure.begun:
            return summaries.stopping(self._progress, now, self._pending_since, paint)
        if self._all_settled:
            return []
        return summaries.starting(self._progress, now, self._pending_since, paint)
