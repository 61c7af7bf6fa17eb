"""What a service says of itself: over sd_notify, or by a line on a descriptor.

Its words count only while its process runs, and only from a service whose manifest says that it speaks. READY makes it
ready. A watchdog runs from then on: each WATCHDOG=1 only notes the time, and the timer looks at it when it runs out, so
that a service which speaks every few milliseconds moves no timer. EXTEND_TIMEOUT_USEC is kept in the same way: the
deadline of a start or a stop is looked at when it is there, and moved if the service asked for more time by then.

STOPPING, said by a service that nobody stops, makes it `unhealthy`: nobody shall begin to depend on it. It has its
grace period to end by itself, and what follows is decided by how it ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mamctl.core import exits
from mamctl.core.events import Said
from mamctl.core.lifecycle import Step, arm, become_ready, stopping, tell, watch_dog
from mamctl.core.service import Halt
from mamctl.core.states import Reason, State, Timer

if TYPE_CHECKING:
    from mamctl.core.events import Notified, TimerFired
    from mamctl.core.service import Service

NOTHING_CAME = "no READY=1 came over NOTIFY_SOCKET; does it call sd_notify?"


def hear(service: Service, event: Notified) -> Step:
    """Take what a service says of itself."""
    if service.pid is None or service.notify is None:
        return Step(service)
    service = _note(service, event)
    if service.state is State.STOPPING:
        return Step(service)
    if Said.TRIGGER in event.said:
        return _bite(service, "it asked for it with WATCHDOG=trigger")
    if Said.READY in event.said:
        return _ready(service, event)
    if service.state is State.READY:
        return _while_ready(service, event)
    return Step(service)


def _note(service: Service, event: Notified) -> Service:
    """Keep what is looked at later: its time of life, the time that it asks for, its own words."""
    if Said.ALIVE in event.said:
        service = service.but(alive_at=event.at)
    if event.watchdog is not None:
        service = service.but(watchdog=event.watchdog)
    if event.extend is not None:
        until = event.at + event.extend
        service = service.but(extended=until if service.extended is None else max(until, service.extended))
    # The sentence why it is stopped, or sick, is worth more than its own.
    if event.status is not None and (service.state in (State.STARTING, State.READY) or service.detail is None):
        service = service.but(detail=event.status or None)
    return service


def _ready(service: Service, event: Notified) -> Step:
    """Let it be ready. If it is already, it has reloaded."""
    if service.state is State.READY:
        step = watch_dog(service, event.at) if event.watchdog is not None else Step(service)
    else:
        step = become_ready(service, event.at)
    return Step(step.service.but(detail=event.status or None), step.actions)


def _while_ready(service: Service, event: Notified) -> Step:
    if Said.STOPPING in event.said:
        return _leave(service, event)
    if Said.RELOADING in event.said:
        service = service.but(detail=event.status or "reloading")
    return watch_dog(service, event.at) if event.watchdog is not None else Step(service)


def _leave(service: Service, event: Notified) -> Step:
    """Let it end by itself, within the time that a stop has."""
    said = f": {event.status}" if event.status else ""
    leaving = service.enter(State.UNHEALTHY, None, f"it says that it is stopping{said}").but(
        ready_at=None, bad_live=service.bad_live, extended=service.extended
    )
    leaving, timer = arm(leaving, Timer.GRACE, service.run.stop.grace)
    return Step(leaving, (tell("unhealthy", leaving), timer))


def _bite(service: Service, detail: str) -> Step:
    """Restart one whose watchdog ran out; first it is seen to be unhealthy."""
    sick = service.enter(State.UNHEALTHY, Reason.WATCHDOG, detail).but(ready_at=None)
    step = stopping(sick, Halt(exits.after_failure(service.run), Reason.WATCHDOG, detail))
    return Step(step.service, (tell("unhealthy", sick), *step.actions))


def watchdog_due(service: Service, at: float) -> Step:
    """Look whether it gave a sign of life within its time; if so, look again when the next one is due."""
    period, alive_at = service.watchdog_period, service.alive_at
    assert period is not None, "the timer is forgotten when the watchdog is switched off"
    assert alive_at is not None, "the timer is armed with the first sign of life"
    silent = at - alive_at
    if silent >= period:
        return _bite(service, f"no WATCHDOG=1 came for {period:g} s")
    service, timer = arm(service, Timer.WATCHDOG, period - silent)
    return Step(service, (timer,))


def put_off(service: Service, event: TimerFired) -> Step | None:
    """Arm the deadline of a start or a stop anew if the service asked for more time; None when its time is up."""
    if service.extended is None or service.extended <= event.at:
        return None
    service, timer = arm(service, event.timer, service.extended - event.at)
    return Step(service, (timer,))


def allowed(seconds: float, service: Service) -> str:
    """Say how much time it had: `30 s`."""
    return f"{seconds:g} s" + (" and the time that it asked for" if service.extended is not None else "")


def missing(service: Service) -> str:
    """Say what was seen of a service that is not ready in time, or what was not: "" or `: connection refused`."""
    if service.notify is None:
        return f": {service.detail}" if service.detail else ""
    fd = service.notify.fd
    what = NOTHING_CAME if fd is None else f"no line came on descriptor {fd}"
    return f": {what}" + (f" (its status: {service.detail})" if service.detail else "")
