"""What a terminal has shown before, made fit to be shown again on another.

Programs ask their terminal questions (what are you, where is the cursor, which colours have you), and it answers as if
somebody typed. Asked again long after, the answer would be typed into a program that does not wait for it.
"""

from __future__ import annotations

import re
from typing import Final

# DA, DSR, DECRQM, XTVERSION, the keyboard protocol's question, window reports; DCS and OSC questions; ENQ; DECID.
_QUESTIONS: Final = re.compile(
    rb"\x1b\[[>=]?[0-9;]*c|\x1b\[\??[0-9;]*n|\x1b\[\??[0-9;]*\$p|\x1b\[>[0-9;]*q|\x1b\[\?u"
    rb"|\x1b\[(?:1[13-9]|2[01])(?:;[0-9]+)*t"
    rb"|\x1bP(?:\+q|\$q)[^\x1b\x07]*(?:\x1b\\|\x07)|\x1b\][0-9;]*;\?(?:\x1b\\|\x07)|\x05|\x1bZ"
)


def replayed(shown: bytes, *, whole: bool) -> bytes:
    """Return what may be shown again. What is not the `whole` begins with a line, not in the middle of something."""
    if not whole:
        _, found, rest = shown.partition(b"\n")
        shown = rest if found else shown
    return _QUESTIONS.sub(b"", shown)
