"""How a service comes to be: one of our own is spawned; an external one is acquired, step by step of its ladder.

    step       done by                               it is there        else
    --------   -----------------------------------   ----------------   -----------------------------------------
    look       one look at who answers               attached           the next step; a stranger is a failure
    starter    a command, then asking fast, within   attached, begun    the next step, and what was wrong is told
               the start timeout
    (spawn)    a process of our own                  managed            what its restart policy says
    (nothing)                                        attached, late     absent, and looked for at the probe's interval

What a starter began is still looked for first when the ladder is climbed anew, whatever its first step is; and it is
released when it is stopped. What we did not begin is only let go of.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from mamctl.core import probing
from mamctl.core.actions import Action, Attach, Cancel, Run, Signal, Spawn, StopProbes
from mamctl.core.events import ErrandEnded, Found
from mamctl.core.lifecycle import Step, arm, become_ready, follow, tell
from mamctl.core.manifest.ladder import LOOK, Look, Starter
from mamctl.core.states import SIGKILL, Errand, Ownership, Reason, State, Timer

if TYPE_CHECKING:
    from mamctl.core.events import Attached
    from mamctl.core.manifest.ladder import External, Rung
    from mamctl.core.service import Service


def begin(service: Service) -> Step:
    """Start a new incarnation; an external service is looked for, or started by its own means, first."""
    born = service.enter(State.STARTING).but(
        generation=service.generation + 1,
        pid=None,
        ownership=Ownership.MANAGED,
        halt=None,
        ready_at=None,
        spawned_at=None,
        watchdog=None,
        alive_at=None,
    )
    if born.spec.external is None:
        return Step(born.but(begun=False), (Spawn(born.name, born.generation),))
    return _climb(born.but(rung=-1 if born.begun and born.spec.external.rungs[:1] != (LOOK,) else 0))


def look_again(service: Service) -> Step:
    """Look again for an external service; it stays absent until somebody answers, and nobody is told of each look."""
    return _look(service.but(generation=service.generation + 1))


def hear(service: Service, event: Attached | ErrandEnded) -> Step:
    """Take the answer to a look, or the end of a command."""
    return end_errand(service, event) if isinstance(event, ErrandEnded) else found(service, event)


def found(service: Service, event: Attached) -> Step:
    """Take the answer to a look."""
    if not service.looking:
        return Step(service)
    match event.found:
        case Found.IT:
            return become_ready(service, event.at)
        case Found.STRANGER:
            failed = service.enter(State.FAILED, Reason.WRONG_SERVICE, event.detail).but(begun=False)
            return Step(failed, (tell("failed", failed),))
        case Found.NOBODY if service.state is State.STARTING:
            # Before the first starter of this climb: what an earlier one began is gone.
            begun = service.begun and service.rung > 0
            return _next(service.but(begun=begun, detail=event.detail))
        case Found.NOBODY:
            return _absent(service.but(detail=event.detail))
        case _:
            assert_never(event.found)


def end_errand(service: Service, event: ErrandEnded) -> Step:
    """Take the end of a command about a service."""
    if service.errand is not event.errand:
        return Step(service)
    match event.errand:
        case Errand.START:
            return _started(service, event.complaint)
        case Errand.RELEASE:
            return released(service, event.complaint, event.at)
        case Errand.STOP:
            return _asked(service, event.complaint)
        case _:
            assert_never(event.errand)


def ask(service: Service) -> Step:
    """Ask fast whether what a starter began answers now, with all of the start timeout before it."""
    limited = _limited(service)
    return Step(limited.service, (probing.while_starting(service), *limited.actions))


def _limited(service: Service) -> Step:
    """Count the start timeout of a starter and of the answer after it."""
    if service.spec.start_timeout is None:
        return Step(service)
    service, timer = arm(service, Timer.START, service.spec.start_timeout)
    return Step(service, (timer,))


def overdue(service: Service) -> Step:
    """Go on to the next step: this one did not lead to an answer in time."""
    # The manifest may have taken the limit away meanwhile.
    within = "in time" if service.spec.start_timeout is None else f"within {service.spec.start_timeout:g} s"
    if service.errand is None:
        last = f": {service.detail}" if service.detail else ""
        said = tell("warning", service, detail=f"its run step ended well, but it was not there {within}{last}")
        return _next(service, (StopProbes(service.name), said))
    said = tell("warning", service, detail=f"its run step did not end {within}, so it was ended")
    return _next(service, (Cancel(service.name), said))


def released(service: Service, complaint: str | None, at: float, *, first: tuple[Action, ...] = ()) -> Step:
    """Let follow what was decided: its release command has ended, or was ended. What it left says so for as long."""
    if complaint is None:
        return follow(service.but(begun=False), at=at, luck=0.5, first=first)
    detail = f"its release command {complaint}"
    assert service.halt is not None
    halt = replace(service.halt, detail=service.halt.detail or f"{detail}; it may still be there")
    said = tell("warning", service, detail=detail)
    return follow(service.but(begun=False, halt=halt), at=at, luck=0.5, first=(*first, said))


def give_up_release(service: Service, at: float, why: str) -> Step:
    """End a release command that takes too long, or that nobody waits for any more."""
    return released(service, f"did not end {why}, so it was ended", at, first=(Cancel(service.name),))


def let_go(service: Service, at: float) -> Step:
    """Let go of one that is somebody else's. A release command that the manifest took back meanwhile is ended."""
    ended: tuple[Action, ...] = () if service.errand is None else (Cancel(service.name),)
    return follow(service, at=at, luck=0.5, first=ended)


def force(service: Service, at: float) -> Step:
    """End it now: its process, and the command that was to stop it in order."""
    if service.errand is Errand.RELEASE:
        return give_up_release(service, at, "before the operator lost patience")
    if service.pid is None:
        return Step(service)
    ended: tuple[Action, ...] = () if service.errand is None else (Cancel(service.name),)
    return Step(service.but(errand=None), (*ended, Signal(service.name, service.generation, SIGKILL)))


def _climb(service: Service, first: tuple[Action, ...] = ()) -> Step:
    """Take the step of the ladder that the service has come to."""
    external = service.spec.external
    assert external is not None
    match _rung(service, external):
        case Look():
            step = _look(service)
        case Starter():
            begun = service.but(ownership=Ownership.EXTERNAL, begun=True, errand=Errand.START, detail=None)
            limited = _limited(begun)
            said = tell("starting", begun, detail="a run step of its ladder begins")
            run = Run(begun.name, begun.generation, Errand.START)
            step = Step(limited.service, (said, run, *limited.actions))
        case None if external.spawned is not None:
            own = service.but(ownership=Ownership.MANAGED, begun=False, detail=None)
            step = Step(own, (Spawn(own.name, own.generation),))
        case _:
            step = _absent(service.but(ownership=Ownership.EXTERNAL))
    return Step(step.service, (*first, *step.actions))


def _rung(service: Service, external: External) -> Rung | None:
    if service.rung < 0:
        return LOOK
    return external.rungs[service.rung] if service.rung < len(external.rungs) else None


def _next(service: Service, first: tuple[Action, ...] = ()) -> Step:
    up = service.enter(State.STARTING, None, service.detail).but(rung=service.rung + 1)
    return _climb(up, first)


def _look(service: Service) -> Step:
    looking = service.but(ownership=Ownership.EXTERNAL, looking=True)
    return Step(looking, (Attach(looking.name, looking.generation),))


def _absent(service: Service) -> Step:
    external = service.spec.external
    assert external is not None
    gone = service.enter(State.WAITING, Reason.ABSENT, service.detail)
    gone, timer = arm(gone, Timer.ATTACH, external.identify.interval)
    told = () if service.reason is Reason.ABSENT else (tell("waiting", gone),)
    return Step(gone, (*told, timer))


def _started(service: Service, complaint: str | None) -> Step:
    if complaint is None:
        return Step(service.but(errand=None), (probing.while_starting(service),))
    said = tell("warning", service, detail=f"its run step {complaint}")
    return _next(service.but(begun=False), (said,))


def _asked(service: Service, complaint: str | None) -> Step:
    """Take the end of a stop command: one that failed has asked for nothing, so the signal does."""
    service = service.but(errand=None)
    if complaint is None:
        return Step(service)
    said = tell("warning", service, detail=f"its stop command {complaint}")
    if service.pid is None:
        return Step(service, (said,))
    return Step(service, (said, Signal(service.name, service.generation, service.run.stop.signal)))
