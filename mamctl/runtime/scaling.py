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


def wished(manifest: Manifest, numbers: Mapping[str, int]) -> dict[str, int]:
    """Return how many replicas each service is to have, from names and globs. Raises UsageError, NotScalableError."""
    found: dict[str, int] = {}
    for pattern, number in numbers.items():
        for name in meant(manifest, pattern):
            if name in found:
                raise NotScalableError(f"{pattern} means {name}, which is to be scaled already", "leave one out")
            found[name] = number
    return found


def replicas_of(manifest: Manifest, services: Iterable[str]) -> list[str]:
    """Return the names of all replicas of services that can have some."""
    return [name for service in services for name in names(service, manifest.replicas[service].number)]


def _not_scalable(manifest: Manifest, service: str) -> NotScalableError:
    families = families_of(manifest.services.values(), manifest.replicas)
    (name,) = select([service], manifest.services, families)
    common = manifest.services[name].replica_of
    if common:
        return NotScalableError(f"{name} is one replica of {common}", f"scale {common}, from 0 to {MOST}")
    return NotScalableError(f"the manifest gives {name} no replicas", "write `replicas: 1` there, then scale it")


def load_scaled(load: Load, now: Mapping[str, int], wishes: Mapping[str, int]) -> Manifest:
    """Read the manifest with so many replicas of some services, beside those that were scaled before.

    Raises ManifestError, NotScalableError when it is wrong only with so many, UsageError for who does not exist.
    """
    try:
        manifest = load({**now, **wishes})
    except ManifestError as error:
        load(now)
        (problem, *_), who = error.problems, _listed(wishes)
        raise NotScalableError(f"{who}: {problem.key}: {problem.message}", problem.hint) from error
    for service in wishes:
        if service not in manifest.replicas:
            # A hint names what there is, not what there would have been.
            raise _not_scalable(load(now), service)
    return manifest


def _listed(wishes: Mapping[str, int]) -> str:
    """Return `worker cannot have 4 replicas`, or the same of several services."""
    told = [f"{', '.join(names)} cannot have {number} replicas" for number, names in _by_number(wishes).items()]
    return " and ".join(told)


def _by_number(wishes: Mapping[str, int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for name, number in wishes.items():
        found.setdefault(number, []).append(name)
    return found
