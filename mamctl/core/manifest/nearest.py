"""The nearest known name, for hints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST: Final = 20


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that `word` was probably meant to be, or None."""
    from difflib import get_close_matches  # Only a mistake pays for it.

    lower = {name.lower(): name for name in known}
    close = get_close_matches(word.lower()[:100], lower, 1, 0.6)
    return lower[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint: the nearest of `known`, or all of them when none is near."""
    names = list(known)
    close = nearest(word, names)
    if close:
        return f"did you mean {close}?"
    return f"known: {', '.join(names[:_MOST])}{' ...' if len(names) > _MOST else ''}"
