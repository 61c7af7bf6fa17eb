"""The terminal of a foreground command: lines that scroll, a live summary beneath them, keys; or just a pipe."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from mamctl.cli.keyboard import Keyboard, in_foreground
from mamctl.cli.outlet import Outlet
from mamctl.ui.live import Live
from mamctl.ui.measure import width_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FAREWELL_SECONDS: Final = 2.0


class Console:
    """Owns stdout and, when both are terminals, the keys of stdin. `close` puts everything back."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._out = sys.stdout.fileno()
        sys.stdout.flush()
        self.outlet = Outlet(self._out)
        self._drawable = os.isatty(self._out) and environ.get("TERM") != "dumb"
        self.live = Live(terminal=False, width=width_of(sys.stdout, environ))
        self.keyboard = Keyboard(sys.stdin.fileno()) if self._drawable and sys.stdin.isatty() else None
        self.resume()

    @property
    def interactive(self) -> bool:
        """Whether somebody at a terminal sees a live summary."""
        return self.live.terminal

    @property
    def keys(self) -> bool:
        """Whether keys are read now."""
        return self.keyboard is not None and self.keyboard.active

    def show(self, lines: Sequence[str], summary: Sequence[str] = ()) -> None:
        """Let lines scroll past and the summary stand at the bottom."""
        text = self.live.frame(lines, summary)
        if text:
            self.outlet.put(text)
            self.outlet.push()

    def resize(self) -> None:
        """Take the terminal's new width."""
        self.live.resize(width_of(sys.stdout, self._environ))

    def suspend(self) -> None:
        """Give the terminal back for a while: no summary, no keys taken."""
        self.outlet.put(self.live.clear())
        self.outlet.finish(FAREWELL_SECONDS)
        if self.keyboard:
            self.keyboard.leave()

    def resume(self) -> None:
        """Take the terminal, as far as this process is in its foreground."""
        self.live.terminal = self._drawable and in_foreground(self._out)
        self.resize()
        if self.keyboard:
            self.keyboard.enter()

    def close(self) -> None:
        """Write what is left and put the terminal back."""
        self.suspend()
