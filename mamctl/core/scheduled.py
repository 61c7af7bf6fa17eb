"""Tasks that run by the clock.

The core has no clock that people read. It says which schedules are to be followed (`Follow`), is told when the next run
is (`Planned`) and when its time has come (`Due`), and decides what that means:

    state when its time comes        becomes
    ---------------------------      ----------------------------------------------------------------------
    resting, stopped, completed,     waiting, and so started as soon as its dependencies are met: a new run,
    failed                           with a restart budget of its own
    anything else                    unchanged: the run before has not ended, so this one is left out, and
                                     a warning says so

A task that is wanted rests until its first time (`waiting`, reason `scheduled`). After that its state tells what became
of its last run, and `next_run_at` when the next one is. A failed run does not end the schedule; a stop does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mamctl.core import lifecycle
from mamctl.core.actions import Action, Follow
from mamctl.core.budget import Budget
from mamctl.core.lifecycle import Step, tell
from mamctl.core.states import State, Wanted

if TYPE_CHECKING:
    from mamctl.core.events import Due, Planned
    from mamctl.core.service import Service

_AT_REST = frozenset({State.STOPPED, State.COMPLETED, State.FAILED})
_MISSED = "the machine slept, its clock was set, or no supervisor lived; runs are not made up for"


def want_up(service: Service, *, alone: bool = False, at_once: bool = False) -> Service:
    """Take the operator's word that it shall run; one with a schedule rests until its time, unless it is `at_once`."""
    wanted = lifecycle.want_up(service, alone=alone)
    if service.spec.schedule is None or service.leaving:
        return wanted
    idle = service.resting or service.state in _AT_REST
    if at_once:
        return wanted.enter(State.WAITING) if idle else wanted
    if service.state in (State.STOPPED, State.FAILED):
        return wanted.rest()
    # A stop under way goes on, and is not followed by a run: it rests then.
    return wanted.but(halt=service.halt) if service.state is State.STOPPING else wanted


def follow(service: Service) -> Step:
    """Have the schedule of a wanted task followed, and no other one any more."""
    schedule = service.spec.schedule if service.wanted is Wanted.UP else None
    if schedule == service.followed:
        return Step(service)
    # What an earlier supervisor had planned is known, and nothing is followed yet.
    since = service.next_run_at if schedule is not None and service.followed is None else None
    return Step(service.but(followed=schedule, next_run_at=since), (Follow(service.name, schedule, since),))


def plan(service: Service, event: Planned | Due) -> Step:
    """Note when it runs next; who does nothing else but wait for it says so."""
    planned = service.but(next_run_at=event.next_run_at)
    detail = f"next run at {event.text}"
    if not planned.resting or planned.detail == detail:
        return Step(planned)
    planned = planned.but(detail=detail)
    return Step(planned, (tell("waiting", planned, next_run_at=event.next_run_at),))


def come_due(service: Service, event: Due) -> Step:
    """Begin a run, or say why there is none."""
    missed = _missed(service, event.missed)
    if not event.runs:
        step = plan(service, event)
        return Step(step.service, (*missed, *step.actions))
    planned = service.but(next_run_at=event.next_run_at)
    if planned.resting or planned.state in _AT_REST:
        return Step(planned.but(budget=Budget()).enter(State.WAITING), missed)
    detail = f"it is time to run, but the run before has not ended ({planned.state}): this one is left out"
    return Step(planned, (*missed, tell("warning", planned, detail=detail)))


def _missed(service: Service, count: int) -> tuple[Action, ...]:
    if not count:
        return ()
    what = "1 run was missed" if count == 1 else f"{count} runs were missed"
    return (tell("warning", service, detail=f"{what}: {_MISSED}", missed=count),)
