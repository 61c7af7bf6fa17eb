"""The surroundings of a probe that asks about a service which is no process of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mamctl.runtime.accounts import standing_prefix
from mamctl.runtime.environment import environment
from mamctl.runtime.probes import Context

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.core.manifest.model import ServiceSpec


def without_process(spec: ServiceSpec, project: str, inherited: Mapping[str, str]) -> Context:
    """Return what its exec probes run in: its environment, folder and user, and no output."""
    env = environment(spec, project, inherited, "probe")
    return Context(env=env, cwd=spec.cwd, prefix=standing_prefix(spec.account))
