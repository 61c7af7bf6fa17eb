"""Colour and symbols: an addition to words, never the only carrier of meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

_CODES: Final = {
    "good": "32",
    "bad": "31",
    "warn": "33",
    "note": "36",
    "dim": "2",
    "bold": "1",
}

# Told apart on dark and light grounds; red is left out because it means failure here.
_SERVICES: Final = ("36", "33", "35", "34", "32", "96", "93", "95", "94", "92")

_SYMBOLS: Final = {
    "ready": ("●", "*", "good"),
    "completed": ("✓", "+", "good"),
    "unhealthy": ("◐", "!", "warn"),
    "starting": ("◌", "o", "note"),
    "waiting": ("○", ".", "note"),
    "backoff": ("↻", "~", "warn"),
    "stopping": ("◍", "-", "note"),
    "stopped": ("○", "-", "dim"),
    "failed": ("✗", "x", "bad"),
}


class Paint:
    """Wraps text in colour, or leaves it alone when `enabled` is false; `unicode` chooses the symbols."""

    def __init__(self, *, enabled: bool, unicode: bool = True) -> None:
        self.enabled = enabled
        self.unicode = unicode

    def __call__(self, style: str, text: str) -> str:
        """Return the text in a style: good, bad, warn, note, dim, bold, or "" for none."""
        if not self.enabled or not style or not text:
            return text
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m"

    def service(self, position: int, text: str) -> str:
        """Return the text in the stable colour of the service at this position of the manifest."""
        if not self.enabled:
            return text
        return f"\x1b[{_SERVICES[position % len(_SERVICES)]}m{text}\x1b[0m"

    def symbol(self, state: str) -> str:
        """Return the one character of a state, without colour."""
        wide, plain, _ = _SYMBOLS.get(state, ("•", "*", ""))
        return wide if self.unicode else plain

    def ellipsis(self) -> str:
        """Return what stands for cut text, one column wide."""
        return "…" if self.unicode else "~"


def style_of(state: str) -> str:
    """Return the style a state is drawn in."""
    return _SYMBOLS.get(state, ("", "", ""))[2]


def paint_for(stream: TextIO, mode: str, environ: Mapping[str, str]) -> Paint:
    """Return the paint for a stream; `mode` is auto, always or never. `NO_COLOR` counts only with auto."""
    unicode = (getattr(stream, "encoding", None) or "").lower().replace("-", "") in ("utf8", "utf16")
    if mode != "auto":
        return Paint(enabled=mode == "always", unicode=unicode)
    quiet = bool(environ.get("NO_COLOR")) or environ.get("TERM") == "dumb"
    return Paint(enabled=not quiet and stream.isatty(), unicode=unicode)
