"""The life of one service as it is asked for: each function takes it as it is and returns it as it becomes.

Nothing here knows the other services; `supervisor` decides when a waiting service may `begin` and when a stopping one
may be signalled. What happens to a service by itself is in `reactions`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple, assert_never

from mamctl.core import probing
from mamctl.core.actions import Action, Announce, ArmTimer, Cancel, Run, Signal, StopProbes
from mamctl.core.budget import Budget
from mamctl.core.service import Halt, Service, Then
from mamctl.core.states import LIVED_SECONDS, Errand, Ownership, Purpose, Reason, State, Timer, Wanted

BEGUN: Final = "started here, by a run step"


class Step(NamedTuple):
    """A service as it becomes, and what is to be done."""

    service: Service
    actions: tuple[Action, ...] = ()


def want_up(service: Service, *, alone: bool = False) -> Service:
    """Take the operator's word that it shall run: forget the budget, try again at once what waits or failed."""
    if service.leaving:
        return service
    wanted = service.but(wanted=Wanted.UP, alone=alone, budget=Budget(), hasty=0)
    match service.state:
        case State.STOPPED | State.FAILED | State.BACKOFF:
            return wanted.enter(State.WAITING)
        case State.COMPLETED if not service.is_task:
            return wanted.enter(State.WAITING)
        case State.WAITING if service.reason is Reason.ABSENT:
            return wanted.enter(State.WAITING)
        case State.STOPPING if service.halt is not None and not service.returning:
            return wanted if _has_done(service) else wanted.but(halt=replace(service.halt, then=Then.AGAIN))
        case _:
            return wanted


def halt(service: Service, how: Halt, at: float) -> Step:
    """Begin to stop it. Without a process there is nothing to wait for."""
    if how.then is not Then.AGAIN:
        service = service.but(wanted=Wanted.DOWN)
    if service.state is State.STOPPING and service.halt is not None:
        stays = service.leaving or (how.then is Then.REST and service.halt.then is Then.COMPLETE)
        return Step(service if stays else service.but(halt=replace(how, signalled=service.halt.signalled)))
    if how.then is Then.REST and service.state in (State.COMPLETED, State.STOPPED):
        return Step(service)
    if not service.running and not service.to_release:
        return follow(service.but(halt=how), at=at, luck=0.5, first=(StopProbes(service.name),))
    return stopping(service, how)


def _has_done(service: Service) -> bool:
    """Tell whether it is a task that has done its work and is only being cleaned up after."""
    return service.is_task and service.halt is not None and service.halt.then is Then.COMPLETE


def halt_again(service: Service, detail: str, at: float) -> Step:
    """Stop it and start it again because a dependency it restarts with went away."""
    return halt(service, Halt(Then.AGAIN, Reason.DEPENDENCY_WAITING, detail), at)


def come_back(service: Service) -> Service:
    """Take the news that it is in the manifest: one that was leaving stays, at rest."""
    if not service.leaving or service.halt is None:
        return service
    return service.but(halt=replace(service.halt, then=Then.REST))


def renew(service: Service, at: float) -> Step:
    """Take a new spec that asks for a new process. What was completed was completed by the old one."""
    if service.wanted is Wanted.DOWN:
        return Step(service.enter(State.STOPPED) if service.state is State.COMPLETED else service)
    if not service.running and service.spec.schedule is not None:
        return Step(service)
    if not service.running and service.state is not State.COMPLETED and service.reason is not Reason.ABSENT:
        return Step(service)
    how = Halt(Then.AGAIN, Reason.CHANGED_ON_DISK, "its entry in the manifest changed")
    return halt(service.but(budget=Budget()), how, at)


def wait(service: Service, detail: str) -> Step:
    """Let it wait for its dependencies."""
    if service.state is State.WAITING and service.detail == detail:
        return Step(service)
    waiting = service.enter(State.WAITING, Reason.DEPENDENCY_WAITING, detail)
    return Step(waiting, (tell("waiting", waiting),))


def fail_by_dependency(service: Service, detail: str) -> Step:
    """Let it fail until the dependency comes back."""
    if service.state is State.FAILED and service.detail == detail:
        return Step(service)
    failed = service.enter(State.FAILED, Reason.DEPENDENCY_FAILED, detail)
    return Step(failed, (tell("failed", failed),))


def signal(service: Service) -> Step:
    """Ask it to stop, by its command if it has one, and give it the grace period; or run what releases it."""
    assert service.halt is not None
    stop = service.spec.stop if service.to_release else service.run.stop
    errand = Errand.RELEASE if service.to_release else Errand.STOP if stop.command else None
    service = service.but(halt=replace(service.halt, signalled=True), errand=errand)
    service, timer = arm(service, Timer.GRACE, stop.grace)
    if errand is not None:
        return Step(service, (Run(service.name, service.generation, errand), timer))
    return Step(service, (Signal(service.name, service.generation, stop.signal), timer))


# What follows ------------------------------------------------------------------------------------------------------


def stopping(service: Service, how: Halt) -> Step:
    """Turn it towards its stop; the signal follows once no dependant is in the way.

    One that is attached is not stopped, only let go: it passes through here unannounced.
    """
    ownership = Ownership.EXTERNAL if service.to_release else service.ownership
    stopping = service.enter(State.STOPPING, how.reason, how.detail).but(halt=how, ownership=ownership)
    ended: tuple[Action, ...] = () if service.errand is None else (Cancel(service.name),)
    said: tuple[Action, ...] = () if service.attached and not service.to_release else (tell("stopping", stopping),)
    return Step(stopping, (*ended, StopProbes(service.name), *said))


def follow(service: Service, *, at: float, luck: float, first: tuple[Action, ...] = ()) -> Step:
    """Let happen what was decided when the stop began."""
    how = service.halt
    assert how is not None
    service = service.but(halt=None, ownership=Ownership.MANAGED, ready_at=None, spawned_at=None, ended_at=at)
    match how.then:
        case Then.RETRY:
            return _retry(service, how, at=at, luck=luck, first=first)
        case Then.REST if service.wanted is Wanted.UP:
            # It was wanted again meanwhile, but not at once.
            end, kind = service.rest(), "stopped"
        case Then.REST:
            end, kind = service.enter(State.STOPPED, how.reason, how.detail), "stopped"
        case Then.AGAIN:
            end, kind = service.enter(State.WAITING), "restarting"
        case Then.REMOVE:
            end, kind = service.enter(State.STOPPED, Reason.BY_OPERATOR).but(halt=how), "stopped"
        case Then.FAIL:
            end, kind = service.enter(State.FAILED, how.reason, how.detail), "failed"
        case Then.COMPLETE:
            end, kind = service.enter(State.COMPLETED), "completed"
        case _:
            assert_never(how.then)
    said = tell(kind, end, exit_code=end.exit_code, exit_signal=end.exit_signal, **_cause(service, how))
    return Step(end, (*first, said))


def _cause(service: Service, how: Halt) -> dict[str, object]:
    """Return why it is started again, when nobody asked for it; of a failure, whether a change of files mends it."""
    if how.then is Then.FAIL:
        return _hope(service)
    if how.then is not Then.AGAIN or how.reason in (None, Reason.BY_OPERATOR):
        return {}
    return {"reason": how.reason, "detail": how.detail}


def _hope(service: Service) -> dict[str, object]:
    return {} if service.run.watch is None else {"watched": True}


def _retry(service: Service, how: Halt, *, at: float, luck: float, first: tuple[Action, ...]) -> Step:
    """Spend an attempt: start again at once, wait for the next attempt, or give up."""
    budget, delay = service.budget.spend(service.run.restart, at, luck)
    service = service.but(budget=budget)
    if delay is None:
        spent = len(budget.attempts)
        detail = f"{how.detail}; gave up after {spent} restart{'' if spent == 1 else 's'}"
        failed = service.enter(State.FAILED, Reason.GAVE_UP, detail)
        return Step(failed, (*first, tell("failed", failed, exit_code=failed.exit_code, **_hope(failed))))
    if delay == 0:
        again = service.enter(State.WAITING).but(restarts=service.restarts + 1)
        return Step(again, (*first, tell("restarting", again, reason=how.reason, detail=how.detail)))
    backing = service.enter(State.BACKOFF, how.reason, how.detail).but(next_attempt_at=at + delay)
    backing, timer = arm(backing, Timer.BACKOFF, delay)
    said = tell("backoff", backing, next_attempt_in_s=round(delay, 3), attempt=len(budget.attempts))
    return Step(backing, (*first, said, timer))


def become_ready(service: Service, at: float) -> Step:
    """Let it be ready. Failures of the live probe go on being counted: they are about something else."""
    kind = "healthy" if service.state is State.UNHEALTHY else "started"
    took = None if service.spawned_at is None else round(at - service.spawned_at, 3)
    budget, bad_live = service.budget.became_ready(), service.bad_live
    detail = BEGUN if service.begun else None
    ready = service.enter(State.READY, None, detail).but(ready_at=at, budget=budget, bad_live=bad_live)
    actions: list[Action] = [tell(kind, ready, ready_after_s=took, url=ready.spec.url)]
    if kind == "started":
        actions += probing.once_ready(ready)
    if budget.attempts:
        ready, timer = arm(ready, Timer.STABLE, ready.run.restart.reset_after)
        actions.append(timer)
    ready, watching = watch_dog(ready, at)
    return Step(ready, (*actions, *watching))


def watch_dog(service: Service, at: float) -> Step:
    """Let the watchdog run from now on, if it has one: its first sign of life is due one period from now."""
    service = service.without(Timer.WATCHDOG).but(alive_at=at)
    if service.watchdog_period is None:
        return Step(service)
    service, timer = arm(service, Timer.WATCHDOG, service.watchdog_period)
    return Step(service, (timer,))


def arm(service: Service, timer: Timer, delay: float) -> tuple[Service, ArmTimer]:
    """Arm a timer, `delay` seconds from now; an earlier one for the same purpose counts no more."""
    token = service.tokens + 1
    armed = service.but(tokens=token, timers={**service.timers, timer: token})
    return armed, ArmTimer(service.name, timer, token, delay)


def tell(kind: str, service: Service, **data: object) -> Announce:
    """Announce something about a service, with its state, reason and detail."""
    known = {"state": service.state, "reason": service.reason, "detail": service.detail}
    return Announce(kind, service.name, service.generation, {**known, **data})


def watch_start(service: Service, at: float) -> Step:
    """Ask whether it is ready; with nothing to ask, let it live for a moment. A task has only its end.

    One that speaks for itself is not asked.
    """
    armed: list[Action] = []
    if not service.is_task and service.run.ready is None:
        service, timer = arm(service, Timer.LIVED, LIVED_SECONDS)
        armed.append(timer)
    elif not service.is_task and service.notify is None:
        armed.append(probing.while_starting(service))
    if service.run.start_timeout is not None and service.spawned_at is not None:
        service, timer = arm(service, Timer.START, max(0.0, service.run.start_timeout - (at - service.spawned_at)))
        armed.append(timer)
    return Step(service, tuple(armed))


def _asks_no_more(service: Service) -> bool:
    return probing.probe_for(service, Purpose.READY) is None


def watch_anew(service: Service, at: float) -> Step:
    """Put changed probes and times in place for a service that runs."""
    if service.state is State.STARTING and service.pid is not None:
        step = watch_start(service.without(Timer.LIVED).without(Timer.START), at)
        return Step(step.service, (StopProbes(service.name), *step.actions))
    if service.state not in (State.READY, State.UNHEALTHY):
        return Step(service)
    step = Step(service)
    if service.state is State.UNHEALTHY and service.notify is None and _asks_no_more(service):
        step = become_ready(service, at)
    return Step(step.service, (StopProbes(service.name), *probing.once_ready(service), *step.actions))
