"""What became of it all: settled or not, idle or not, and what to tell of each failure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

from mamctl.core.dependencies import outlook
from mamctl.core.rerun import awaits_change
from mamctl.core.states import ENDED, Reason, State, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mamctl.core.service import Service


class Goal(StrEnum):
    """What can be waited for."""

    READY = "ready"
    STOPPED = "stopped"
    COMPLETED = "completed"


SETTLED = frozenset({State.READY, State.UNHEALTHY, State.COMPLETED, State.FAILED})


def is_settled(service: Service, services: Mapping[str, Service]) -> bool:
    """Tell whether waiting longer brings nothing: it is up, it ended, or what it waits for will not come by itself."""
    if service.wanted is Wanted.DOWN:
        return service.state in ENDED
    return service.state in SETTLED or service.resting or is_blocked(service, services)


def is_blocked(service: Service, services: Mapping[str, Service]) -> bool:
    """Tell whether a waiting service is absent, or waits only for services that are down for good or absent."""
    return any(True for _ in obstacles(service, services))


def obstacles(service: Service, services: Mapping[str, Service]) -> Iterator[Service]:
    """Name who, at the end of the chain of those waited for, is down for good or absent; it may be the service."""
    ahead = [service] if service.state is State.WAITING and not service.resting else []
    seen = {service.name}
    while ahead:
        found = ahead.pop()
        if found.state in ENDED or found.reason is Reason.ABSENT:
            yield found
        elif found.state is State.WAITING:
            names = [name for name in outlook(found, services).waits_for if name not in seen]
            seen.update(names)
            ahead.extend(services[name] for name in names)


def is_idle(services: Mapping[str, Service]) -> bool:
    """Tell whether nothing runs and nothing will start by itself."""
    return all(service.ended or is_blocked(service, services) for service in services.values())


def is_over(services: Mapping[str, Service], *, ending: bool) -> bool:
    """Tell whether nothing runs and nothing will, not even when files change; `ending`: everything is being stopped."""
    return is_idle(services) and (ending or not any(map(awaits_change, services.values())))


def unmet(services: Mapping[str, Service]) -> list[Service]:
    """Return the wanted services that are not as wished: failed, or blocked. An absent one counts if it is required."""
    return [
        service
        for service in services.values()
        if service.wanted is Wanted.UP
        and (service.state is State.FAILED or is_blocked(service, services))
        and not (service.reason is Reason.ABSENT and not is_required(service.name, services.values()))
    ]


def is_required(name: str, services: Iterable[Service]) -> bool:
    """Tell whether a wanted service cannot do without this one."""
    return any(
        name in service.spec.depends_on and service.spec.depends_on[name].required
        for service in services
        if service.wanted is Wanted.UP
    )


def is_as_wished(service: Service, services: Mapping[str, Service]) -> bool:
    """Tell whether a service is what the operator wants: ready, completed, resting; absent, if nobody requires it."""
    if service.wanted is Wanted.DOWN or service.resting or service.state in (State.READY, State.COMPLETED):
        return True
    return service.reason is Reason.ABSENT and not is_required(service.name, services.values())


def has_reached(service: Service, goal: Goal) -> bool:
    """Tell whether a service is where it is waited for; a task that is completed or rests counts as ready."""
    match goal:
        case Goal.STOPPED:
            return service.state in ENDED
        case Goal.READY:
            done = service.is_task and service.state is State.COMPLETED
            return service.state is State.READY or done or service.resting
        case Goal.COMPLETED:
            return service.state is State.COMPLETED
        case _:
            assert_never(goal)


def is_hopeless(service: Service, goal: Goal, services: Mapping[str, Service]) -> bool:
    """Tell whether a service cannot reach the goal unless the operator says something else.

    What is absent may come at any time, so there is hope for it and for those that wait for it.
    """
    if goal is Goal.STOPPED or has_reached(service, goal):
        return False
    if service.state in ENDED:
        return True
    return any(found.state in ENDED for found in obstacles(service, services))
