"""Names of services as people write them: each may be a glob, and an unknown one is an error with the nearest name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mamctl.core.errors import UsageError
from mamctl.core.manifest.nearest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WILD: Final = frozenset("*?[")


def is_glob(name: str) -> bool:
    """Tell whether a name is a pattern."""
    return not WILD.isdisjoint(name)


def select(patterns: Sequence[str], known: Iterable[str]) -> list[str]:
    """Return the known names that the patterns mean, each once, in the order of `known`; no pattern means all.

    Raises UsageError for a pattern that means nobody.
    """
    names = list(known)
    if not patterns:
        return names
    chosen: set[str] = set()
    for pattern in patterns:
        found = _matches(pattern, names)
        if not found:
            raise _unknown(pattern, names)
        chosen.update(found)
    return [name for name in names if name in chosen]


def _matches(pattern: str, names: Sequence[str]) -> list[str]:
    if not is_glob(pattern):
        return [pattern] if pattern in names else []
    from fnmatch import fnmatchcase  # Most names are plain.

    return [name for name in names if fnmatchcase(name, pattern)]


def _unknown(pattern: str, names: Sequence[str]) -> UsageError:
    hint = did_you_mean(pattern, names) if names else "the manifest has no services"
    return UsageError(f"no service matches {pattern}" if is_glob(pattern) else f"no such service: {pattern}", hint)
