"""What a new supervisor makes of what the last one knew: services that live are adopted, the others go on from there.

    process   last known          becomes
    -------   -----------------   -----------------------------------------------------------------------------
    lives     ready, unhealthy    the same, when that is proven or can be said only once; else starting, and asked
    lives     starting            starting, with what is left of its deadline
    lives     stopping            stopping, and signalled again; so does one that is not wanted any more
    none      stopping            cleaned up after; then follows what was decided when the stop began
    none      backoff             backoff, until the same moment
    none      an end              that end
    none      begun by a command  asked, if it was starting; released again, if it was being stopped; else looked for
    none      resting             resting: its time has not come
    none      anything else       waiting, to be started

What died unseen is recalled as one that starts, and not asked; the `Exited` that follows tells the rest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mamctl.core import probing
from mamctl.core.actions import Clean
from mamctl.core.climbing import ask
from mamctl.core.lifecycle import Step, arm, stopping, tell, watch_dog, watch_start
from mamctl.core.manifest.model import LogProbe, NotifyProbe
from mamctl.core.service import Halt, Then
from mamctl.core.states import ENDED, Ownership, Reason, State, Timer, Wanted

if TYPE_CHECKING:
    from mamctl.core.events import Recalled, Remembered
    from mamctl.core.past import Past
    from mamctl.core.service import Service


def recall(service: Service, found: Remembered, event: Recalled) -> Step:
    """Take a service to where it was, or to what follows from how it was found."""
    past = found.past
    known = service.but(
        wanted=past.wanted,
        alone=past.alone,
        generation=past.generation,
        restarts=past.restarts,
        budget=past.budget,
        exit_code=past.exit_code,
        exit_signal=past.exit_signal,
        watchdog=past.watchdog,
        next_run_at=past.next_run_at,
        ended_at=past.ended_at,
        hasty=past.hasty,
        rung=past.rung,
        begun=past.begun,
    )
    return _go_on(known, found, event.at) if found.pid is None else _adopt(known, found, event)


def _adopt(service: Service, found: Remembered, event: Recalled) -> Step:
    spawned_at = event.at if found.past.spawned_at is None else found.past.spawned_at
    adopted = service.but(pid=found.pid, ownership=Ownership.ADOPTED, spawned_at=spawned_at)
    if halt := _halt(found):
        step = stopping(adopted, halt)
    elif found.died:
        step = Step(adopted.enter(State.STARTING))
    elif found.past.state in (State.READY, State.UNHEALTHY) and (event.proven or _says_it_once(service)):
        step = _stay(adopted, found, event.at)
    else:
        step = _ask(adopted, found, event)
    said = () if found.died else (tell("adopted", step.service, pid=found.pid),)
    return Step(step.service, (*said, *step.actions))


def _halt(found: Remembered) -> Halt | None:
    """Return the stop that is due: the one under way, or what the new supervisor finds to be wrong."""
    if under_way := _under_way(found.past):
        return under_way
    if found.past.wanted is Wanted.DOWN:
        return Halt(Then.REST, Reason.BY_OPERATOR)
    if found.changed:
        return Halt(Then.AGAIN, Reason.CHANGED_ON_DISK, "its entry in the manifest changed")
    if found.unfit is not None:
        return Halt(Then.AGAIN, None, found.unfit)
    return None if found.spared else Halt(Then.AGAIN, None, "it is not to outlive a supervisor that died")


def _under_way(past: Past) -> Halt | None:
    """Return the stop that was under way. Who was to be forgotten then is in the manifest again, and only rests."""
    if past.state is not State.STOPPING or past.halt is None:
        return None
    return replace(past.halt, then=Then.REST) if past.halt.then is Then.REMOVE else past.halt


def _says_it_once(service: Service) -> bool:
    """Tell whether there is no asking: a line in the log, a message, or nothing at all made it ready."""
    ready = service.run.ready
    return ready is None or isinstance(ready.check, LogProbe | NotifyProbe)


def _stay(service: Service, found: Remembered, at: float) -> Step:
    past = found.past
    same = service.enter(past.state, past.reason, past.detail).but(ready_at=past.ready_at)
    same, actions = watch_dog(same, at) if past.state is State.READY else Step(same)
    if past.state is State.UNHEALTHY and same.notify is not None:
        # It said that it stops. How much of its time is left nobody knows, so it has it anew.
        same, timer = arm(same, Timer.GRACE, same.run.stop.grace)
        actions = (timer,)
    actions = (*probing.once_ready(same), *actions)
    if same.budget.attempts and past.ready_at is not None:
        same, timer = arm(same, Timer.STABLE, max(0.0, same.run.restart.reset_after - (at - past.ready_at)))
        actions = (*actions, timer)
    return Step(same, actions)


def _ask(service: Service, found: Remembered, event: Recalled) -> Step:
    """Find out whether it is ready. Only a start that never stopped being watched goes on against its old deadline.

    One whose deadline passed meanwhile was not watched then: it may have become ready, and has the whole time anew.
    """
    goes_on = event.proven and found.past.state is State.STARTING and not _is_late(service, found.past, event.at)
    starting = service.enter(State.STARTING).but(extended=found.past.extended if goes_on else None)
    assert starting.spawned_at is not None
    return watch_start(starting, event.at if goes_on else starting.spawned_at)


def _is_late(service: Service, past: Past, at: float) -> bool:
    patience = service.run.start_timeout
    if patience is None or service.spawned_at is None:
        return False
    return at >= max(service.spawned_at + patience, past.extended or 0.0)


def _unfinished(service: Service, found: Remembered, under_way: Halt | None) -> Step | None:
    """Go on with a stop that is not over, or with what a run step had started."""
    past = found.past
    if past.begun and (step := _begun(service, found, under_way)):
        return step
    if under_way is None or past.spawned_at is None:
        return None
    stopping = service.enter(State.STOPPING, past.reason, past.detail)
    stopping = stopping.but(halt=under_way, spawned_at=past.spawned_at)
    return Step(stopping, (Clean(stopping.name, stopping.generation),))


def _begun(service: Service, found: Remembered, under_way: Halt | None) -> Step | None:
    """Go on with one that a run step had started: release it, or see whether it answers; None: look for it."""
    past = found.past
    if past.state in ENDED:
        return None
    if service.to_release and (under_way is not None or past.wanted is Wanted.DOWN):
        return stopping(service, under_way or Halt(Then.REST, Reason.BY_OPERATOR))
    if past.attached and past.state is State.STARTING and past.wanted is Wanted.UP and not found.changed:
        # Its starter goes on without us, or has ended: it may answer at any moment.
        return ask(service.enter(State.STARTING).but(ownership=Ownership.EXTERNAL))
    return None


def _go_on(service: Service, found: Remembered, at: float) -> Step:
    past = found.past
    if (step := _unfinished(service, found, _under_way(past))) is not None:
        return step
    if past.state is State.BACKOFF and past.next_attempt_at is not None:
        backing = service.enter(State.BACKOFF, past.reason, past.detail).but(next_attempt_at=past.next_attempt_at)
        backing, timer = arm(backing, Timer.BACKOFF, max(0.0, past.next_attempt_at - at))
        return Step(backing, (timer,))
    stays = not found.changed or service.spec.schedule is not None
    if past.state in (State.STOPPED, State.FAILED) or (past.state is State.COMPLETED and stays):
        return Step(service.enter(past.state, past.reason, past.detail))
    if past.wanted is Wanted.DOWN:
        # The stop that was under way had the last word about why.
        why = _under_way(past) or past
        return Step(service.enter(State.STOPPED, why.reason, why.detail))
    if past.reason is Reason.SCHEDULED:
        return Step(service.enter(State.WAITING, past.reason, past.detail))
    return Step(service.enter(State.WAITING))
