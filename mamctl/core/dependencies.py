"""Whether a service's dependencies let it start: met, waiting for these, or failed because of this one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, assert_never

from mamctl.core.manifest.choices import Condition
from mamctl.core.states import Reason, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.core.manifest.model import Dependency
    from mamctl.core.service import Service

UNDERWAY = frozenset({State.WAITING, State.STARTING})


class Outlook(NamedTuple):
    """What stands in the way of a start: names still waited for, and the first dependency that failed, with why."""

    waits_for: tuple[str, ...] = ()
    failed: str | None = None
    why: str | None = None

    @property
    def clear(self) -> bool:
        """Whether nothing stands in the way."""
        return not self.waits_for and self.failed is None


CLEAR = Outlook()


def aspect(service: Service) -> tuple[object, ...]:
    """Return what its neighbours judge a service by: while that is the same, nothing changes for them."""
    return service.state, service.pid is None, service.returning, service.reason is Reason.ABSENT


def outlook(service: Service, services: Mapping[str, Service]) -> Outlook:
    """Weigh all dependencies of a service; for one that is wanted alone each is optional."""
    waits: list[str] = []
    for name, edge in service.spec.depends_on.items():
        other = services.get(name)
        dependency = replace(edge, required=False) if service.alone else edge
        if other is None or is_met(other, dependency):
            continue
        why = cannot_be_met(other, dependency)
        if why is not None:
            return Outlook(failed=name, why=why)
        waits.append(name)
    return Outlook(tuple(waits)) if waits else CLEAR


def is_met(other: Service, dependency: Dependency) -> bool:
    """Tell whether a dependency is met now; an optional one is as soon as it is not on its way up."""
    if not dependency.required and not is_underway(other):
        return True
    match dependency.condition:
        case Condition.STARTED:
            return other.state in (State.READY, State.UNHEALTHY, State.COMPLETED) or (
                other.state is State.STARTING and other.pid is not None
            )
        case Condition.READY:
            return other.state is State.READY
        case Condition.COMPLETED:
            return other.state is State.COMPLETED
        case _:
            assert_never(dependency.condition)


def is_underway(other: Service) -> bool:
    """Tell whether a service is on its way up, be it through a stop. One that is absent is not: it may never come."""
    return other.returning or (other.state in UNDERWAY and other.reason is not Reason.ABSENT)


def cannot_be_met(other: Service, dependency: Dependency) -> str | None:
    """Say why a required dependency will not come by itself, or None while it may."""
    if other.state is State.FAILED:
        return f"{other.name} failed ({other.reason})"
    if other.state is State.COMPLETED and dependency.condition is Condition.READY:
        return f"{other.name} ended before it was ready for this"
    return None
