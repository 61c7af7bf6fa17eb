"""How long stopping everything may take: the bound that whoever waits for it from outside has to know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mamctl.core.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.core.manifest.model import ServiceSpec

# What a layer takes beyond its grace periods: the KILL after each, the last look for leftovers, and for free ports.
SLACK: Final = 5.0


def longest_stop(services: Mapping[str, ServiceSpec]) -> float:
    """Return the seconds within which all of them are stopped, whatever they do about it.

    Dependants go first, layer by layer. The slowest of a layer may need its grace period twice: once for its process,
    and once for what that one left behind.
    """
    graph = Graph({name: spec.depends_on for name, spec in services.items()})
    return sum(2 * max(_grace(services[name]) for name in layer) + SLACK for layer in graph.layers())


def _grace(spec: ServiceSpec) -> float:
    inner = spec.external.spawned if spec.external else None
    return max(spec.stop.grace, inner.stop.grace if inner else 0.0)
