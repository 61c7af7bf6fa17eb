"""What happens to one service by itself: its process starts, answers, falls ill, ends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from mamctl.core import climbing, exits, notices, probing, scheduled
from mamctl.core.actions import Action, Cancel, Clean, Signal, StopProbes
from mamctl.core.budget import Budget
from mamctl.core.events import (
    Attached,
    Due,
    Emptied,
    ErrandEnded,
    Exited,
    Notified,
    OverMemory,
    Planned,
    Probed,
    Spawned,
    SpawnFailed,
    TimerFired,
)
from mamctl.core.lifecycle import Step, become_ready, follow, stopping, tell, watch_start
from mamctl.core.service import Halt, Service, Then
from mamctl.core.states import SIGKILL, Errand, Reason, State, Timer

if TYPE_CHECKING:
    from mamctl.core.events import Survivor

Happening = (
    Spawned | SpawnFailed | Exited | OverMemory | Emptied | Probed | Notified | Attached | ErrandEnded
    | TimerFired | Planned | Due
)  # fmt: skip


def concerns(service: Service, event: Happening) -> bool:
    """Tell whether an event is about this incarnation and about a timer that is still armed."""
    if isinstance(event, TimerFired):
        return service.timers.get(event.timer) == event.token
    if isinstance(event, Planned | Due):
        return service.followed is not None
    return event.generation == service.generation


def react(service: Service, event: Happening) -> Step:  # noqa: PLR0911 - one case for each event
    """Take what happened to a service. What makes no sense in its state changes nothing."""
    match event:
        case Spawned():
            return _spawned(service, event)
        case SpawnFailed():
            return _spawn_failed(service, event)
        case Exited():
            return _exited(service, event)
        case OverMemory():
            return _over_memory(service, event)
        case Emptied():
            return _emptied(service, event)
        case Probed():
            return _probed(service, event)
        case Notified():
            return notices.hear(service, event)
        case Attached() | ErrandEnded():
            return climbing.hear(service, event)
        case TimerFired() | Planned() | Due():
            return _told_by_a_clock(service, event)
        case _:
            assert_never(event)


def _told_by_a_clock(service: Service, event: TimerFired | Planned | Due) -> Step:
    match event:
        case TimerFired():
            return _timer_fired(service, event)
        case Planned():
            return scheduled.plan(service, event)
        case Due():
            return scheduled.come_due(service, event)
        case _:
            assert_never(event)


def _spawned(service: Service, event: Spawned) -> Step:
    if service.spawned_at is not None or service.state not in (State.STARTING, State.STOPPING):
        return Step(service)
    born = service.but(pid=event.pid, spawned_at=event.at, exit_code=None, exit_signal=None)
    if born.state is State.STOPPING:
        return Step(born)
    said = tell("starting", born, pid=event.pid)
    born, watching = watch_start(born, event.at)
    return Step(born, (said, *watching))


def _spawn_failed(service: Service, event: SpawnFailed) -> Step:
    if service.spawned_at is not None:
        return Step(service)
    if service.state is State.STOPPING:
        return follow(service, at=event.at, luck=event.luck)
    if service.state is not State.STARTING:
        return Step(service)
    kind = "port-conflict" if event.reason is Reason.PORT_TAKEN else "process-error"
    then = Then.FAIL if event.final else exits.after_failure(service.run)
    service = service.but(halt=Halt(then, event.reason, event.detail))
    first = tell(kind, service, reason=event.reason, detail=event.detail)
    return follow(service, at=event.at, luck=event.luck, first=(first,))


def _exited(service: Service, event: Exited) -> Step:
    if service.pid is None:
        return Step(service)
    after = service.halt or exits.verdict(service.run, event.code, event.signal, event.shortage)
    gone = service.enter(State.STOPPING, after.reason, after.detail).but(
        pid=None,
        halt=replace(after, signalled=True),
        exit_code=event.code,
        exit_signal=event.signal,
        errand=service.errand,  # a stop command may have something to do after that
    )
    said = tell("process-exit", gone, exit_code=event.code, exit_signal=event.signal)
    return Step(gone, (StopProbes(gone.name), said, Clean(gone.name, gone.generation)))


def _over_memory(service: Service, event: OverMemory) -> Step:
    limit = service.run.limits.memory
    # The limit may have been lifted, or the stop begun, while the memory was counted.
    if service.pid is None or service.state is State.STOPPING or limit is None or event.used <= limit:
        return Step(service)
    detail = exits.over_memory(event.used, limit)
    return stopping(service, Halt(exits.after_failure(service.run), Reason.MEMORY_LIMIT, detail))


def _emptied(service: Service, event: Emptied) -> Step:
    if service.state is not State.STOPPING or service.pid is not None or service.spawned_at is None:
        return Step(service)
    return follow(service, at=event.at, luck=event.luck, first=_survived(service, event.survivors))


def _survived(service: Service, survivors: tuple[Survivor, ...]) -> tuple[Action, ...]:
    if not survivors:
        return ()
    names = ", ".join(f"pid {found.pid} ({found.command})" for found in survivors)
    rows = [{"pid": found.pid, "command": found.command} for found in survivors]
    return (tell("warning", service, detail=f"still running after the stop: {names}", survivors=rows),)


def _probed(service: Service, event: Probed) -> Step:
    verdict = probing.judge(service, event)
    match verdict:
        case probing.Verdict.SAME:
            return Step(service.but(detail=event.detail) if service.state is State.STARTING else service)
        case probing.Verdict.READY:
            return become_ready(service, event.at)
        case probing.Verdict.UNHEALTHY:
            return _unhealthy(service, event.detail)
        case probing.Verdict.DEAD:
            detail = f"the live probe failed {service.bad_live + 1} times: {event.detail}"
            return stopping(service, Halt(exits.after_failure(service.run), Reason.LIVENESS_FAILED, detail))
        case probing.Verdict.LOST:
            return stopping(service, Halt(Then.AGAIN, Reason.ABSENT, event.detail))
        case probing.Verdict.COUNTED:
            return Step(probing.count(service, event))
        case _:
            assert_never(verdict)


def _unhealthy(service: Service, detail: str) -> Step:
    live = service.bad_live
    sick = service.enter(State.UNHEALTHY, None, detail).but(ready_at=None, bad_live=live)
    return Step(sick, (tell("unhealthy", sick),))


def _timer_fired(service: Service, event: TimerFired) -> Step:
    service = service.without(event.timer)
    match event.timer:
        case Timer.START | Timer.GRACE:
            return notices.put_off(service, event) or _overdue(service, event)
        case Timer.LIVED:
            return become_ready(service, event.at)
        case Timer.BACKOFF:
            again = service.enter(State.WAITING).but(restarts=service.restarts + 1)
            return Step(again, (tell("restarting", again, attempt=len(again.budget.attempts)),))
        case Timer.STABLE:
            return Step(service.but(budget=Budget()))
        case Timer.WATCHDOG:
            return notices.watchdog_due(service, event.at)
        case Timer.ATTACH:
            return climbing.look_again(service)
        case _:
            assert_never(event.timer)


def _overdue(service: Service, event: TimerFired) -> Step:
    """End a start, or a stop, that took longer than it may."""
    run = service.run
    if event.timer is Timer.GRACE:
        return _out_of_grace(service, event.at)
    if service.attached:
        return climbing.overdue(service)
    assert run.start_timeout is not None
    detail = f"not ready after {notices.allowed(run.start_timeout, service)}{notices.missing(service)}"
    return stopping(service, Halt(exits.after_failure(run), Reason.START_TIMEOUT, detail))


def _out_of_grace(service: Service, at: float) -> Step:
    if service.errand is Errand.RELEASE:
        return climbing.give_up_release(service, at, f"within {service.spec.stop.grace:g} s")
    detail = f"did not stop within {notices.allowed(service.run.stop.grace, service)}, so it is killed"
    if service.errand is not None:
        detail += "; its stop command has not ended either"
    said = tell("warning", service, detail=detail)
    ended: tuple[Action, ...] = () if service.errand is None else (Cancel(service.name),)
    return Step(service.but(errand=None), (said, *ended, Signal(service.name, service.generation, SIGKILL)))
