"""Text as XML. What XML cannot hold, of a log say, is replaced by U+FFFD, one for one; all else comes out as it was.

The standard library's writer lets such characters through, and then no client can read the answer; and it leaves
carriage returns to be taken for newlines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# Characters that are gone through at once: nothing else of the process can run meanwhile.
BLOCK: Final = 1 << 15
_UNFIT: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def blocks(text: str) -> Iterator[str]:
    """Yield a text as XML, block by block."""
    for start in range(0, len(text), BLOCK):
        yield _fit(text[start : start + BLOCK])


def _fit(text: str) -> str:
    text = _UNFIT.sub("\ufffd", text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("\r", "&#13;")
