"""Read manifests from plain values, with nothing on disk."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from mamctl.core.manifest.building import build
from mamctl.core.manifest.checks import check
from mamctl.core.manifest.control import control
from mamctl.core.manifest.draft import draft, env_files
from mamctl.core.manifest.findings import Finding, Findings, spell
from mamctl.core.manifest.layers import Entry, Layer, Surroundings, check_top, includes, top_env_files, unite
from mamctl.core.manifest.model import Manifest, ServiceSpec
from mamctl.core.manifest.naming import project_name
from mamctl.core.manifest.replicas import Replicas, replicate
from mamctl.core.manifest.step_building import build_steps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.core.manifest.listening import Control
    from mamctl.core.manifest.steps import SmokeStep

FOLDER = "/stack"


class Reading(NamedTuple):
    name: str
    services: dict[str, ServiceSpec]
    findings: list[Finding]
    smoke: tuple[SmokeStep, ...] = ()
    control: Control | None = None
    replicas: Mapping[str, Replicas] = MappingProxyType({})

    @property
    def problems(self) -> list[str]:
        return [f"{spell(finding.path)}: {finding.message}" for finding in self.findings]

    @property
    def manifest(self) -> Manifest:
        assert self.problems == []
        own = {"smoke": self.smoke, "control": self.control, "replicas": self.replicas}
        return Manifest(self.name, f"{FOLDER}/services.yaml", FOLDER, self.services, **own)


def has_dollar(value: object) -> bool:
    if isinstance(value, dict | list):
        return any(map(has_dollar, value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and "$" in value


def read(
    tree: dict[str, object],
    override: dict[str, object] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    top: Mapping[str, str] | None = None,
    pairs: Mapping[str, Mapping[str, str]] | None = None,
    numbers: Mapping[tuple[str, str], int] | None = None,
    beneath: Mapping[str, Entry] | None = None,
    scaled: Mapping[str, int] | None = None,
) -> Reading:
    """Return what a manifest comes to; `top` are the pairs of its env files, `pairs` those of its services' by path.

    `scaled`: how many replicas there are of some.
    """
    found = Findings()
    trees = {"services.yaml": tree} | ({"services.override.yaml": override} if override is not None else {})
    layers = [
        check_top(Layer(f"{FOLDER}/{name}", FOLDER, values, dollar=has_dollar(values)), found)
        for name, values in trees.items()
    ]
    top_env_files(layers, environ or {}, found)
    includes(layers, environ or {}, found)
    unit = unite(layers, Surroundings(environ or {}, top or {}, beneath or {}), found)
    cast = replicate(draft(unit.services, found), scaled or {}, found)
    drafts = cast.drafts
    check(drafts, found)
    list(env_files(drafts))
    wanted = {(name, port): wish.wanted or 0 for name, one in drafts.items() for port, wish in one.ports.items()}
    chosen = {**wanted, **(numbers or {})}
    services = build(drafts, chosen, pairs or {}, found, cast.families)
    steps = build_steps([unit.smoke] if unit.smoke else [], drafts, chosen, found, cast.families)
    at = control(unit.control, FOLDER, drafts, found) if unit.control is not None else None
    return Reading(project_name(unit.name, FOLDER, found), services, found.all, steps, at, cast.replicas)


def service(keys: dict[str, object] | None = None, **more: object) -> ServiceSpec:
    """Return the one service of a manifest, which must be good."""
    reading = read({"services": {"a": {"command": ["run"], **(keys or {}), **more}}})
    assert reading.problems == []
    return reading.services["a"]


def problems(keys: dict[str, object] | None = None, **more: object) -> list[str]:
    """Return the problems of a manifest with one service."""
    return read({"services": {"a": {"command": ["run"], **(keys or {}), **more}}}).problems
