"""What a program has switched on in the terminal that shows it, so that it can be switched off when nobody shows it."""

from __future__ import annotations

import re
from typing import Final

_MODE: Final = re.compile(rb"\x1b\[\?([0-9;]{1,40})([hl])")
_KEYPAD: Final = re.compile(rb"\x1b([=>])")
# Off at rest: application cursor keys, reverse video, mouse reports, focus reports, the alternate screen, brackets
# around what is pasted, synchronised output.
_OFF: Final = frozenset(
    {1, 5, 9, 47, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1015, 1016, 1047, 1049, 2004, 2026}
)
# On at rest: wrapping at the margin, the cursor.
_ON: Final = frozenset({7, 25})
# The longest beginning of a sequence that a piece may end with.
_LONGEST: Final = 48


class ScreenModes:
    """Sees what is shown, piece by piece."""

    def __init__(self) -> None:
        self._changed: dict[int, None] = {}
        self._keypad = False
        self._rest = b""

    def see(self, shown: bytes) -> None:
        """Note what this piece switches."""
        text = self._rest + shown
        for match in _MODE.finditer(text):
            for mode in filter(None, match[1].split(b";")):
                self._switch(int(mode), on=match[2] == b"h")
        for match in _KEYPAD.finditer(text):
            self._keypad = match[1] == b"="
        begun = text.rfind(b"\x1b", max(0, len(text) - _LONGEST))
        self._rest = b"" if begun < 0 or _MODE.search(text, begun) else text[begun:]

    def undo(self) -> bytes:
        """Return what puts the terminal back: modes as they were at rest, plain colours."""
        modes = [f"\x1b[?{mode}{'h' if mode in _ON else 'l'}" for mode in reversed(self._changed)]
        return ("".join(modes) + ("\x1b>" if self._keypad else "") + "\x1b[0m").encode()

    def _switch(self, mode: int, *, on: bool) -> None:
        if mode not in _OFF and mode not in _ON:
            return
        if on == (mode in _ON):
            self._changed.pop(mode, None)
        else:
            self._changed[mode] = None
