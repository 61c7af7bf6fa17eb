"""Log lines and state lines as they stream past: a time, a name in its stable colour, a bar, the text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mamctl.ui.amounts import clock
from mamctl.ui.escape import displayable
from mamctl.ui.measure import columns, cut, pad, wrap
from mamctl.ui.paint import style_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mamctl.ui.happenings import Happening
    from mamctl.ui.paint import Paint

WIDEST_NAME: Final = 20


class Stream:
    """Turns lines and happenings of the named services (in the manifest's order) into lines for people."""

    def __init__(self, names: Sequence[str], paint: Paint, *, prefix: bool = True, times: bool = True) -> None:
        self._paint = paint
        self._prefix = prefix
        self._times = times
        self._width = 0
        self._prefixes: dict[str, str] = {}
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        """Give a service its colour; names met later widen the column from then on."""
        if name in self._prefixes:
            return
        self._prefixes[name] = name
        self._width = max(self._width, min(columns(name), WIDEST_NAME))
        for position, known in enumerate(self._prefixes):
            text = pad(cut(known, self._width, self._paint.ellipsis()), self._width)
            self._prefixes[known] = self._paint.service(position, f"{text} |")

    def line(self, service: str, at: float, line: bytes) -> str:
        """Return one line of a service's output, its terminal escapes stripped."""
        text = displayable(line)
        lead = f"{self._paint('dim', clock(at))} " if self._times else ""
        if not self._prefix:
            return lead + text
        if service not in self._prefixes:
            self.add(service)
        return f"{lead}{self._prefixes[service]} {text}"

    def state(
        self, service: str | None, at: float, happening: Happening, *, url: str | None = None, width: int | None = None
    ) -> list[str]:
        """Return a change of state on its own line; with a width, a long one goes on below, broken between words."""
        paint, style = self._paint, style_of(happening.state)
        symbol = paint.symbol(happening.state)
        who = f"{service} " if service else ""
        time = f"{clock(at)} " if self._times else ""
        room = 1 << 16 if width is None else width - 1
        first, *rest = wrap(f"{symbol} {who}{happening.text}", room - len(time), "", "  ")
        told = first[len(symbol) + 1 + len(who) :]
        loud = style if style in ("bad", "warn") else ""
        lines = [f"{paint('dim', time)}{paint(style, symbol)} {paint('bold', who)}{paint(loud, told)}"]
        lines += [" " * len(time) + paint(loud, line) for line in rest]
        lines[-1] += f"  {paint('note', url)}" if url else ""
        return lines

    def skipped(self, at: float, lines: int) -> str:
        """Return the line that owns up to lines that were not shown."""
        told = f"{lines:,} lines not shown: they came faster than they can be shown; the logs have them all"
        lead = f"{self._paint('dim', clock(at))} " if self._times else ""
        return lead + self._paint("warn", f"[{told}]")
