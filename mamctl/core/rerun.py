"""What a change on disk does to a service that watches its files.

    state                      becomes
    ------------------------   --------------------------------------------------------------------------------
    starting, ready,           stopped gracefully and started again; its dependants as with any other restart
    unhealthy
    backoff, failed,           started at once: somebody mended the file
    completed
    stopping                   started once it is empty, whatever was to follow
    waiting for its time       run now, and at its time
    waiting, or not wanted     as it was: the process that starts later reads the files as they are then

A restart because of a change is nobody's failure: it spends no attempt of the budget, forgets those spent, and is not
counted among the automatic ones.

A service that writes what it watches would go on for ever. So changes are counted that come while it starts or in the
first `HASTE` seconds after it was ready or had ended. After `MOST` of them in a row its files are watched no more,
until an operator starts or restarts it. Somebody who types does not save that often; a program that does says so by it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mamctl.core.budget import Budget
from mamctl.core.lifecycle import Step, halt, tell
from mamctl.core.service import Halt, Then
from mamctl.core.states import Reason, State, Wanted

if TYPE_CHECKING:
    from mamctl.core.service import Service

HASTE: Final = 3.0
MOST: Final = 10


def touch(service: Service, what: str, at: float) -> Step:
    """Restart a service because `what` it watches changed, if it runs, ran, or failed."""
    if not _listens(service):
        return Step(service)
    count = service.hasty + 1 if _in_haste(service, at) else 0
    if count > MOST:
        return _deafen(service, what)
    return halt(service.but(budget=Budget(), hasty=count), Halt(Then.AGAIN, Reason.CHANGED_ON_DISK, what), at)


def awaits_change(service: Service) -> bool:
    """Tell whether it is at rest, and a change of its files would start it again."""
    return service.ended and _listens(service)


def _listens(service: Service) -> bool:
    """Tell whether a change is news to it. What starts later reads the files as they are then."""
    if service.run.watch is None or service.attached or service.wanted is Wanted.DOWN or service.hasty > MOST:
        return False
    if service.state is State.STOPPING and service.halt is not None:
        return service.halt.then is not Then.AGAIN
    if service.state is State.WAITING:
        return service.resting
    return service.reason is not Reason.DEPENDENCY_FAILED


def _in_haste(service: Service, at: float) -> bool:
    """Tell whether the change came so soon that the service may have made it itself."""
    if service.state is State.STARTING:
        return True
    since = service.ended_at if service.ready_at is None else service.ready_at
    return since is not None and at - since < HASTE


def _deafen(service: Service, what: str) -> Step:
    deaf = service.but(hasty=MOST + 1)
    detail = (
        f"its files are watched no more ({what}): {MOST} times in a row a change came while it started, or in the"
        f" first {HASTE:g} s after. If it writes them itself, name them in watch.ignore;"
        f" `mamctl restart {service.name}` watches again"
    )
    said = tell("warning", deaf)
    return Step(deaf, (replace(said, data={**said.data, "detail": detail}),))
