"""External services, as LM Studio: whether somebody has started them, while no supervisor runs that would know."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from mamctl.core.manifest.ladder import Starter
from mamctl.runtime.doctor.finding import Finding, Level, ok
from mamctl.runtime.ports import PortState, bind_test
from mamctl.runtime.probes.context import Context
from mamctl.runtime.probes.prober import Prober

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mamctl.core.manifest.ladder import External
    from mamctl.core.manifest.model import Manifest, ServiceSpec
    from mamctl.runtime.probes.outcome import Outcome

_AREA: Final = "external"


def check_externals(manifest: Manifest) -> Iterator[Finding]:
    """Ask each external service who it is, as `identify` does."""
    found = [(spec, spec.external) for spec in manifest.services.values() if spec.external]
    if not found:
        return
    outcomes = asyncio.run(_asked(found))
    for (spec, external), outcome in zip(found, outcomes, strict=True):
        yield _told(spec, external, outcome)


async def _asked(found: list[tuple[ServiceSpec, External]]) -> list[Outcome]:
    prober = Prober()
    return list(
        await asyncio.gather(*(prober.check(external.identify, Context(cwd=spec.cwd)) for spec, external in found))
    )


def _told(spec: ServiceSpec, external: External, outcome: Outcome) -> Finding:
    name = spec.name
    if outcome.ok:
        return ok(_AREA, f"{name} was started by hand, and is attached to")
    taken = [
        port.number for port in spec.ports if port.number and bind_test(spec.host, port.number) is not PortState.FREE
    ]
    if taken and outcome.answered:
        told = f"{name}: somebody else answers at port {taken[0]} ({outcome.detail})"
        fix = f"stop who listens there (`mamctl ports` names it), or change `port` of {name}"
        return Finding(Level.ERROR, _AREA, told, fix)
    if starters := [rung.argv[0] for rung in external.rungs if isinstance(rung, Starter)]:
        return ok(_AREA, f"{name} is absent ({outcome.detail}): {starters[0]} is run to start it")
    if external.spawned is not None:
        return ok(_AREA, f"{name} is absent ({outcome.detail}): one of our own is started in its place")
    fix = f"start {name} by hand: it is picked up as soon as it answers"
    return Finding(Level.NOTE, _AREA, f"{name} is absent ({outcome.detail})", fix)
