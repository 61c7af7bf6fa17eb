"""Output of services made safe to show: a log keeps what was written, a terminal gets what can be read."""

from __future__ import annotations

import re
from typing import Final

# A string sequence (OSC and its kind) ends at ST, at BEL, where another sequence begins, or with the line: what
# follows an unterminated one would not have been shown by a terminal either. Every ESC matches at least alone.
_ESCAPES: Final = re.compile(
    r"(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x18\x1a\x1b\x9c]*(?:\x1b\\|[\x07\x18\x1a\x9c])?"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0a-\x1f\x7f-\x9f]"
)


def displayable(line: bytes) -> str:
    """Decode a line, replacing what is not UTF-8 and leaving out terminal sequences and control characters but tab."""
    text = line.decode(errors="replace")
    return text if text.isprintable() else _ESCAPES.sub("", text)
