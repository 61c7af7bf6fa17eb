"""Search a block of whole lines at once: most lines do not match, and need not be looked at one by one.

It may find too much, never too little: what it finds is tried line by line. So it is only for patterns that mean the
same in a block as in each of its lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    Search = Callable[[bytes, int], tuple[int, int] | None]

_SPECIAL: Final = frozenset(b"\\.^$*+?{}[]|()")
# They look at what is around the line, take hold of more than one line (which can cost the square of the block's
# length), or do not give back what they took.
_ALONE: Final = re.compile(
    rb"\(\?(?!:|i\))" rb"|\\[AZsWD0nx]" rb"|\[\^" rb"|[*+?}]\+" rb"|[\x00-\x1f]",
)


def sieve(pattern: re.Pattern[bytes]) -> Search | None:
    """Return what finds the next place (start, end) in a block where some line may match, from an offset on.

    None: this pattern has to be tried on each line alone.
    """
    text = pattern.pattern
    if _ALONE.search(text):
        return None
    if pattern.flags or not text or _SPECIAL.intersection(text):
        return _expression(re.compile(text, pattern.flags | re.MULTILINE))
    return _literal(text)


def _literal(text: bytes) -> Search:
    length = len(text)

    def search(data: bytes, start: int) -> tuple[int, int] | None:
        found = data.find(text, start)
        return None if found < 0 else (found, found + length)

    return search


def _expression(pattern: re.Pattern[bytes]) -> Search:
    def search(data: bytes, start: int) -> tuple[int, int] | None:
        found = pattern.search(data, start)
        return found.span() if found else None

    return search
