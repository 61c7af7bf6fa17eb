"""Names of services as people write them: each may be a glob, and an unknown one is an error with the nearest name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from mamctl.core.errors import UsageError
from mamctl.core.manifest.nearest import did_you_mean
from mamctl.core.manifest.replicas import NO_FAMILIES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from mamctl.core.manifest.replicas import Families

WILD: Final = frozenset("*?[")


def is_glob(name: str) -> bool:
    """Tell whether a name is a pattern."""
    return not WILD.isdisjoint(name)


class Named(Protocol):
    """One of the known: its own name, and that of the service in the manifest, which its replicas share."""

    @property
    def name(self) -> str: ...  # noqa: D102 - the class's docstring tells
    @property
    def service(self) -> str: ...  # noqa: D102


def families_of(specs: Iterable[Named], replicated: Iterable[str] = ()) -> dict[str, list[str]]:
    """Return the names of the replicas by service; `replicated` are services that may have none at the moment."""
    families: dict[str, list[str]] = {name: [] for name in replicated}
    for spec in specs:
        if spec.service != spec.name:
            families.setdefault(spec.service, []).append(spec.name)
    return families


def select(patterns: Sequence[str], known: Iterable[str], families: Families = NO_FAMILIES) -> list[str]:
    """Return the known names that the patterns mean, each once, in the order of `known`; no pattern means all.

    The name of a family means all its members, who may be none. Raises UsageError for a pattern that means nobody.
    """
    names = list(known)
    if not patterns:
        return names
    chosen: set[str] = set()
    for pattern in patterns:
        common = _matches(pattern, families)
        found = _matches(pattern, names)
        if not found and not common:
            raise _unknown(pattern, [*names, *families])
        chosen.update(found, *(families[name] for name in common))
    return [name for name in names if name in chosen]


def _matches(pattern: str, names: Collection[str]) -> list[str]:
    if not is_glob(pattern):
        return [pattern] if pattern in names else []
    from fnmatch import fnmatchcase  # Most names are plain.

    return [name for name in names if fnmatchcase(name, pattern)]


def _unknown(pattern: str, names: Sequence[str]) -> UsageError:
    hint = did_you_mean(pattern, names) if names else "the manifest has no services"
    return UsageError(f"no service matches {pattern}" if is_glob(pattern) else f"no such service: {pattern}", hint)
