"""Builds small stacks for tests: specs with short names for what matters here, resolved as the manifest would."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mamctl.core.manifest.choices import Condition, Kind, Policy
from mamctl.core.manifest.ladder import LOOK, External, Starter
from mamctl.core.manifest.model import (
    Dependency,
    ExecProbe,
    Manifest,
    NotifyProbe,
    Probe,
    RestartPolicy,
    ServiceSpec,
)
from mamctl.core.manifest.schedules import Schedule

if TYPE_CHECKING:
    from collections.abc import Mapping

READY = Probe(ExecProbe(("is-ready",)))
NOTIFY = Probe(NotifyProbe())
WATCHED = Probe(NotifyProbe(watchdog=10.0))
LIVE = Probe(ExecProbe(("is-live",)))
ALWAYS = RestartPolicy(policy=Policy.ALWAYS)
NEVER = RestartPolicy(policy=Policy.NEVER)
AT_ONCE = RestartPolicy(delay=0)


def service(name: str, needs: str | Mapping[str, str] = "", **fields: Any) -> ServiceSpec:
    """A service with a ready probe; `needs` as `edges` reads it."""
    return ServiceSpec(name, **{"argv": (name,), "ready": READY, "depends_on": edges(needs), **fields})


def task(name: str, needs: str | Mapping[str, str] = "", **fields: Any) -> ServiceSpec:
    """A task, with a task's defaults: never restarted, no start timeout."""
    ours = {"kind": Kind.TASK, "ready": None, "restart": NEVER, "start_timeout": None}
    return service(name, needs, **{**ours, **fields})


def scheduled(name: str, needs: str | Mapping[str, str] = "", cron: str = "* * * * *", **fields: Any) -> ServiceSpec:
    """A task that runs by the clock."""
    return task(name, needs, **{"schedule": Schedule(cron), **fields})


def external(
    name: str,
    needs: str | Mapping[str, str] = "",
    *,
    attach: bool = True,
    runs: int = 0,
    spawned: ServiceSpec | None = None,
    release: bool = False,
    identify: Probe = READY,
    **fields: Any,
) -> ServiceSpec:
    """An external service; its ladder: a look, `runs` starters, and `spawned` at last."""
    rungs = (*([LOOK] if attach else []), *(Starter(("start", str(number))) for number in range(runs)))
    ladder = External(identify, rungs, spawned, release=("release",) if release else ())
    return ServiceSpec(name, kind=Kind.EXTERNAL, depends_on=edges(needs), external=ladder, **fields)


def edges(needs: str | Mapping[str, str]) -> Mapping[str, Dependency]:
    """Read `db, migrate` (ready) or `{"db": "ready restart", "lm": "started optional"}`."""
    pairs = {name.strip(): "ready" for name in needs.split(",") if name.strip()} if isinstance(needs, str) else needs
    return MappingProxyType({name: _edge(words.split()) for name, words in pairs.items()})


def _edge(words: list[str]) -> Dependency:
    condition, *flags = words
    assert set(flags) <= {"restart", "optional"}
    return Dependency(Condition(condition), required="optional" not in flags, restart="restart" in flags)


def stack(*specs: ServiceSpec) -> Manifest:
    """A manifest of these services, in this order."""
    return Manifest("test", "/m/services.yaml", "/m", MappingProxyType({spec.name: spec for spec in specs}))
