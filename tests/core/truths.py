"""What holds after every event, whatever happened: the invariants of the core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mamctl.core.dependencies import outlook
from mamctl.core.outcome import is_idle
from mamctl.core.probing import probe_for
from mamctl.core.states import Errand, Purpose, Reason, State, Timer, Wanted

if TYPE_CHECKING:
    from mamctl.core.service import Service
    from tests.core.hands import Hands


def check(hands: Hands) -> None:
    """Assert all of them."""
    for name, service in hands.services.items():
        _one_process_iff_the_state_says_so(hands, service)
        _it_is_waited_for_something(hands, service)
        _watched_as_its_state_asks(hands, service)
        _wanted_and_state_agree(service)
        _counts_its_budget(service)
        assert service.name == name
        assert (service.halt is not None) is (service.state is State.STOPPING)
    assert hands.running.keys() <= hands.services.keys()
    assert hands.followed.keys() == {name for name, service in hands.services.items() if _is_followed(service)}
    if is_idle(hands.services):
        _nothing_goes_on(hands)


def _is_followed(service: Service) -> bool:
    assert service.next_run_at is None or service.followed is not None
    return service.spec.schedule is not None and service.wanted is Wanted.UP


def _one_process_iff_the_state_says_so(hands: Hands, service: Service) -> None:
    name = service.name
    process = hands.running.get(name)
    assert service.pid == (process.pid if process else None)
    phases = [phase for phase in ("spawning", "running", "cleaning") if name in getattr(hands, phase)]
    match service.state:
        case State.STARTING:
            if service.attached:
                assert phases == []
                asked = (name, Purpose.READY) in hands.probes
                starts = name in hands.errands and hands.errands[name][0] is Errand.START
                assert [name in hands.looking, starts, asked].count(True) == 1
            else:
                assert phases in (["spawning"], ["running"])
        case State.READY | State.UNHEALTHY:
            assert phases == ([] if service.attached else ["running"])
        case State.STOPPING:
            assert len(phases) == (0 if service.to_release else 1)
        case _:
            assert phases == []
    for pending in (hands.spawning, hands.cleaning, hands.looking):
        assert pending.get(name, service.generation) == service.generation


def _it_is_waited_for_something(hands: Hands, service: Service) -> None:
    """A service that is not at rest has a timer, an answer to come, or somebody before it."""
    match service.state:
        case State.WAITING if service.reason is Reason.ABSENT:
            assert _is_armed(hands, service, Timer.ATTACH) is (service.name not in hands.looking)
        case State.WAITING if service.resting:
            assert service.wanted is Wanted.UP
        case State.WAITING:
            ahead = outlook(service, hands.services)
            assert ahead.waits_for
            assert service.reason is Reason.DEPENDENCY_WAITING
            assert service.detail == f"waits for {', '.join(ahead.waits_for)}"
        case State.BACKOFF:
            assert _is_armed(hands, service, Timer.BACKOFF)
            assert service.next_attempt_at is not None
        case State.FAILED if service.reason is Reason.DEPENDENCY_FAILED:
            assert outlook(service, hands.services).failed is not None
        case State.STOPPING if service.pid is not None or service.to_release:
            _is_being_stopped(hands, service)
        case _:
            pass


def _is_being_stopped(hands: Hands, service: Service) -> None:
    behind = [hands.services[other].state for other in hands.supervisor.graph.dependants[service.name]]
    assert service.halt is not None
    if not service.halt.signalled:
        assert State.STOPPING in behind
        return
    assert service.errand is (hands.errands[service.name][0] if service.name in hands.errands else None)
    if service.to_release:
        assert service.errand is Errand.RELEASE
        assert _is_armed(hands, service, Timer.GRACE)
        return
    assert hands.running[service.name].signals or service.name in hands.asked
    assert _is_armed(hands, service, Timer.GRACE) or 9 in hands.running[service.name].signals


def _watched_as_its_state_asks(hands: Hands, service: Service) -> None:
    if service.name in hands.unseen:
        return
    asked = {purpose for name, purpose in hands.probes if name == service.name}
    match service.state:
        case State.STARTING if service.pid is not None:
            probed = probe_for(service, Purpose.READY) is not None and not service.is_task
            assert asked == ({Purpose.READY} if probed else set())
            assert _is_armed(hands, service, Timer.LIVED) is not (probed or service.is_task or bool(service.notify))
            assert _is_armed(hands, service, Timer.START) or service.run.start_timeout is None
        case State.READY | State.UNHEALTHY:
            assert asked == {purpose for purpose in Purpose if probe_for(service, purpose) is not None}
        case State.STARTING if service.attached:
            waits = service.name not in hands.looking and service.name not in hands.errands
            assert asked == ({Purpose.READY} if waits else set())
            limited = service.spec.start_timeout is not None and service.name not in hands.looking
            assert _is_armed(hands, service, Timer.START) or not limited
        case _:
            assert not asked
    if service.state is State.READY and service.budget.attempts and not service.attached:
        assert _is_armed(hands, service, Timer.STABLE)
    if service.state is State.READY and service.watchdog_period is not None:
        assert _is_armed(hands, service, Timer.WATCHDOG)
    if service.state is State.UNHEALTHY and service.notify:
        # It said that it stops: it has its time for that.
        assert _is_armed(hands, service, Timer.GRACE) or 9 in hands.running[service.name].signals
    for (name, _), probe in hands.probes.items():
        assert name != service.name or probe.generation == service.generation


def _wanted_and_state_agree(service: Service) -> None:
    if service.wanted is Wanted.DOWN:
        assert service.state in (State.STOPPED, State.COMPLETED, State.STOPPING)
        assert not service.returning
    else:
        assert service.state is not State.STOPPED


def _counts_its_budget(service: Service) -> None:
    assert 0 <= service.budget.settled <= len(service.budget.attempts)


def _nothing_goes_on(hands: Hands) -> None:
    assert not hands.running
    assert not hands.spawning
    assert not hands.cleaning
    assert not hands.errands
    for service in hands.services.values():
        assert set(service.timers) <= {Timer.ATTACH}


def _is_armed(hands: Hands, service: Service, timer: Timer) -> bool:
    """Tell whether a timer runs that the service will recognise."""
    _, token = hands.timers.get((service.name, timer), (0.0, None))
    return token is not None and service.timers.get(timer) == token
