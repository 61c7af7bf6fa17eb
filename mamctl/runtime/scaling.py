"""How many replicas there are where an operator said another number than the manifest: kept until the next `up`.

The numbers live in the manifest that holds, which the next supervisor gets as it is; the journal has them for one that
must read the file again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mamctl.core.errors import ManifestError, NotScalableError
from mamctl.core.manifest.replicas import MOST, names
from mamctl.core.selection import families_of, is_glob, select

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mamctl.core.manifest.model import Manifest

    Load = Callable[[Mapping[str, int]], Manifest]


def scaled(manifest: Manifest) -> dict[str, int]:
    """Return how many replicas services have whose manifest says another number."""
    return {name: count.number for name, count in manifest.replicas.items() if count.number != count.written}


def staying(manifest: Manifest, patterns: Sequence[str] | None) -> dict[str, int]:
    """Return which of these numbers `up` leaves alone: of the services that it does not name; without names, none.

    A replica's own name is not that of its service.
    """
    if not patterns:
        return {}
    named = {name for name in manifest.replicas if any(_means(pattern, name) for pattern in patterns)}
    return {name: number for name, number in scaled(manifest).items() if name not in named}


def _means(pattern: str, name: str) -> bool:
    if not is_glob(pattern):
        return pattern == name
    from fnmatch import fnmatchcase

    return fnmatchcase(name, pattern)


def changes(before: Manifest, after: Manifest) -> list[dict[str, Any]]:
    """Return which services had and have another number of replicas."""
    return [
        {"service": name, "before": before.replicas[name].number, "now": count.number}
        for name, count in after.replicas.items()
        if name in before.replicas and before.replicas[name].number != count.number
    ]


def meant(manifest: Manifest, name: str) -> list[str]:
    """Return the services whose number of replicas a name or glob is about; a plain one may be new in the manifest."""
    return select([name], manifest.replicas) if is_glob(name) else [name]


def replicas_of(manifest: Manifest, services: Iterable[str]) -> list[str]:
    """Return the names of all replicas of services. Raises NotScalableError, UsageError for who does not exist."""
    found: list[str] = []
    for service in services:
        count = manifest.replicas.get(service)
        if count is None:
            raise _not_scalable(manifest, service)
        found += names(service, count.number)
    return found


def _not_scalable(manifest: Manifest, service: str) -> NotScalableError:
    families = families_of(manifest.services.values(), manifest.replicas)
    (name,) = select([service], manifest.services, families)
    common = manifest.services[name].replica_of
    if common:
        return NotScalableError(f"{name} is one replica of {common}", f"scale {common}, from 0 to {MOST}")
    return NotScalableError(f"the manifest gives {name} no replicas", "write `replicas: 1` there, then scale it")


def load_scaled(load: Load, now: Mapping[str, int], services: Sequence[str], number: int) -> Manifest:
    """Read the manifest with so many replicas of these services, beside those that were scaled before.

    Raises ManifestError, and NotScalableError when it is wrong only with so many.
    """
    try:
        return load({**now, **dict.fromkeys(services, number)})
    except ManifestError as error:
        load(now)
        (problem, *_), who = error.problems, ", ".join(services)
        message = f"{who} cannot have {number} replicas: {problem.key}: {problem.message}"
        raise NotScalableError(message, problem.hint) from error
