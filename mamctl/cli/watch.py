"""`mamctl status --watch`: the table kept up to date until q or Ctrl-C.

On a terminal it is painted over itself. Where nothing can be painted over (a pipe, a file, a dumb terminal) the table
is written again beneath itself whenever a service's state has changed.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from mamctl.cli.errand import Errand
from mamctl.cli.feed import Feed
from mamctl.cli.keyboard import Keyboard, in_foreground
from mamctl.cli.outlet import Outlet
from mamctl.cli.quick import exit_code
from mamctl.cli.signals import Signals
from mamctl.cli.status import document_of, left_running, narrowed
from mamctl.ui.amounts import clock
from mamctl.ui.canvas import Canvas
from mamctl.ui.measure import cut
from mamctl.ui.status import page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.cli.invocation import Invocation

# Figures are fresh every second; what happens shows at once, but a storm of events no faster than this.
SECONDS: Final = 1.0
SOONEST: Final = 0.1
RETRY: Final = 0.2
FAREWELL_SECONDS: Final = 1.0
NOTE_SECONDS: Final = 10.0


def watch_status(invocation: Invocation, services: tuple[str, ...], *, flat: bool) -> int:
    """Show the table until q, Ctrl-C or the supervisor's end; return the exit code of the last one."""
    first = document_of(invocation)
    narrowed(first, services)
    watch = Watch(invocation, services, flat=flat)
    if first["supervisor"] is None:
        return watch.finish(first)
    with Signals() as signals:
        return watch.run(first, signals)


class Watch:
    """One `status --watch`. Owns the screen and the keys while it runs, and puts both back."""

    def __init__(self, invocation: Invocation, services: tuple[str, ...], *, flat: bool) -> None:
        self._invocation = invocation
        self._services = services
        self._flat = flat
        self._feed = Feed(invocation)
        self._out = sys.stdout.fileno()
        self._outlet = Outlet(self._out)
        self._paintable = _is_screen(self._out, invocation.environ)
        self._keyboard = Keyboard(sys.stdin.fileno()) if self._paintable and sys.stdin.isatty() else None
        self._canvas = Canvas()
        self._on_screen = False
        self._document: dict[str, Any] = {}
        self._told: object = None
        self._noted: tuple[str, float] = ("", 0.0)
        self._ended_by: signal.Signals | None = None

    def run(self, first: dict[str, Any], signals: Signals) -> int:
        """Show the first document and all that follow; return the exit code."""
        self._document = first
        self._feed.meet(first["supervisor"])
        sys.stdout.flush()
        try:
            self._enter()
            while self._feed.left is None and self._turn(signals):
                continue
            self._feed.end(FAREWELL_SECONDS if self._feed.left else 0.0)
        finally:
            self._leave()
            self._feed.close()
        if self._ended_by is not None:
            return 128 + self._ended_by
        return self.finish(self._document if self._feed.left is None else document_of(self._invocation))

    def finish(self, document: dict[str, Any]) -> int:
        """Leave the last table behind, and say why there is no more; return the exit code."""
        shown = narrowed(document, self._services)
        if self._paintable or document["supervisor"] is None:
            self._invocation.say(self._page(document, shown))
        if self._feed.left is not None:
            self._invocation.tell([self._feed.left])
        if document["supervisor"] is None:
            self._invocation.tell(left_running(self._invocation, document))
        return exit_code(shown)

    def _turn(self, signals: Signals) -> bool:
        """Ask, show, and wait until something happens; tell whether to go on."""
        if not self._ask(signals):
            return False
        if self._feed.left is not None:
            return False
        self._show()
        shown_at = time.monotonic()
        if self._wait(signals, RETRY if self._feed.lost else SECONDS, self._feed.streams) is None:
            return False
        # What happens in a burst is shown together.
        rest = shown_at + SOONEST - time.monotonic()
        return rest <= 0 or self._wait(signals, rest, []) is not None

    def _ask(self, signals: Signals) -> bool:
        """Have the status as it is now. A supervisor that hangs keeps nobody from leaving."""
        errand = Errand(self._feed.document)
        while (ready := self._wait(signals, SECONDS, [errand])) is not None:
            if errand in ready:
                self._document = errand.result() or self._document
                return True
            self._show()
        return False

    def _wait(self, signals: Signals, seconds: float, sources: list[Any]) -> list[Any] | None:
        """Wait for one of the sources, a key, a signal or so long; return what is ready, None to end."""
        keys: list[Any] = [self._keyboard] if self._keyboard and self._keyboard.active else []
        writers = [self._outlet] if self._outlet.pending else []
        ready, _, _ = select.select([signals, *keys, *sources], writers, [], seconds)
        self._outlet.push()
        if set(self._feed.streams) & set(ready):
            self._feed.hear()
        if self._outlet.closed:
            self._ended_by = signal.SIGHUP
            return None
        if keys and self._keyboard in ready and _quits(keys[0].read()):
            return None
        obeyed = all(self._obey(number, signals) for number in (signals.read() if signals in ready else ()))
        return ready if obeyed else None

    def _obey(self, number: signal.Signals, signals: Signals) -> bool:
        if number in (signal.SIGTERM, signal.SIGHUP):
            self._ended_by = number
        if number == signal.SIGTSTP:
            self._leave()
            signals.stop_here()
            self._enter()
        elif number == signal.SIGCONT:
            self._enter()
        self._canvas.forget()
        return number not in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def _show(self) -> None:
        shown = narrowed(self._document, self._services)
        if not self._paintable:
            self._append(shown)
            return
        if not self._on_screen or self._outlet.pending:
            return
        rows, width = _size(self._out), self._invocation.width
        lines = self._page(self._document, shown)
        self._outlet.put(self._canvas.frame(lines, self._footer(width), rows=rows, width=width))
        self._outlet.push()

    def _append(self, shown: Mapping[str, Any]) -> None:
        """Write the table again if anybody's state is another one."""
        told = [(row["name"], row["state"], row["reason"], row["restarts"]) for row in shown["services"]]
        if told == self._told:
            return
        lead = [] if self._told is None else [""]
        self._told = told
        self._invocation.say([*lead, clock(time.time()), *self._page(self._document, shown)])

    def _page(self, document: Mapping[str, Any], shown: Mapping[str, Any]) -> list[str]:
        invocation = self._invocation
        return page(document, invocation.width, invocation.paint, only=shown["services"], flat=self._flat)

    def _footer(self, width: int) -> str:
        paint, now = self._invocation.paint, time.monotonic()
        if self._feed.note != self._noted[0]:
            self._noted = (self._feed.note, now)
        lead = f"{clock(time.time())}  q ends it"
        if not self._feed.note or (now - self._noted[1] > NOTE_SECONDS and not self._feed.lost):
            return paint("dim", lead)
        return f"{paint('dim', lead)}  {paint('warn', cut(self._feed.note, width - len(lead) - 2, paint.ellipsis()))}"

    def _enter(self) -> None:
        """Take screen and keys, as far as this process is in the terminal's foreground."""
        if not self._paintable or not in_foreground(self._out):
            return
        if not self._on_screen:
            self._outlet.put(self._canvas.enter())
            self._on_screen = True
        if self._keyboard:
            self._keyboard.enter()

    def _leave(self) -> None:
        if self._keyboard:
            self._keyboard.leave()
        if self._on_screen:
            self._outlet.put(self._canvas.leave())
            self._outlet.finish(FAREWELL_SECONDS)
            self._on_screen = False


def _is_screen(descriptor: int, environ: Mapping[str, str]) -> bool:
    """Tell whether lines can be painted over: a terminal that knows how, and that is ours."""
    return os.isatty(descriptor) and environ.get("TERM", "dumb") not in ("dumb", "") and in_foreground(descriptor)


def _size(descriptor: int) -> int:
    try:
        return os.get_terminal_size(descriptor).lines or 24
    except OSError:
        return 24


def _quits(keys: str) -> bool:
    return keys == "" or "q" in keys or "Q" in keys
