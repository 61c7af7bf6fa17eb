"""What a probe's answer means for a service in its state, and which probes it needs."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from mamctl.core.actions import StartProbe
from mamctl.core.states import Purpose, State

if TYPE_CHECKING:
    from mamctl.core.events import Probed
    from mamctl.core.manifest.model import Probe
    from mamctl.core.service import Service


class Verdict(StrEnum):
    """What an answer changes."""

    SAME = "same"
    COUNTED = "counted"
    READY = "ready"
    UNHEALTHY = "unhealthy"
    DEAD = "dead"
    LOST = "lost"  # an attached external service went away: climb the ladder again


def probe_for(service: Service, purpose: Purpose) -> Probe | None:
    """Return the probe that is asked for a purpose, if any; one that is attached is watched by its identity."""
    if service.attached and service.spec.external is not None:
        return service.spec.external.identify if purpose is Purpose.READY else None
    if purpose is Purpose.LIVE:
        return service.run.live
    return service.run.ready if service.notify is None else None


def while_starting(service: Service) -> StartProbe:
    """Return the probe of a service that starts: readiness only, fast."""
    return StartProbe(service.name, service.generation, Purpose.READY, fast=True)


def once_ready(service: Service) -> list[StartProbe]:
    """Return the probes of a service that is ready: both, at their interval."""
    return [
        StartProbe(service.name, service.generation, purpose, fast=False)
        for purpose in Purpose
        if probe_for(service, purpose) is not None
    ]


def judge(service: Service, event: Probed) -> Verdict:
    """Weigh one answer: readiness only gates, liveness restarts, and both need several failures in a row."""
    if service.state is State.STARTING:
        return Verdict.READY if event.ok and event.purpose is Purpose.READY else Verdict.SAME
    if service.state not in (State.READY, State.UNHEALTHY):
        return Verdict.SAME
    probe = probe_for(service, event.purpose)
    if probe is None:
        return Verdict.SAME
    if event.purpose is Purpose.LIVE:
        enough = not event.ok and service.bad_live + 1 >= probe.failures
        return Verdict.DEAD if enough else Verdict.COUNTED
    if service.state is State.UNHEALTHY:
        return _judge_unhealthy(service, event)
    enough = not event.ok and service.bad_ready + 1 >= probe.failures
    return Verdict.UNHEALTHY if enough else Verdict.COUNTED


def _judge_unhealthy(service: Service, event: Probed) -> Verdict:
    if event.ok:
        return Verdict.READY
    return Verdict.LOST if service.attached else Verdict.SAME


def count(service: Service, event: Probed) -> Service:
    """Return the service with one more failure in a row, or with none after a success."""
    if event.purpose is Purpose.LIVE:
        return service.but(bad_live=0 if event.ok else service.bad_live + 1)
    return service.but(bad_ready=0 if event.ok else service.bad_ready + 1)
