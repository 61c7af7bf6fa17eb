"""What a supervisor knew of a service, as plain values: what it writes down, and what the next one goes on from.

Times are monotonic seconds, which go on counting until the machine is started again; a record from before that says
nothing about now and is not to be used.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from mamctl.core.budget import Budget
from mamctl.core.dataclass import dataclass
from mamctl.core.service import Halt, Then
from mamctl.core.states import Reason, State, Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from mamctl.core.service import Service


@dataclass(frozen=True, slots=True)
class Past:
    """The lasting part of a `Service`: see there for each field. `halt` is the stop that was under way.

    `next_run_at` is a time of the wall clock: it means the same after the machine was started again.
    """

    wanted: Wanted = Wanted.UP
    alone: bool = False
    state: State = State.STARTING
    reason: Reason | None = None
    detail: str | None = None
    generation: int = 0
    attached: bool = False
    restarts: int = 0
    budget: Budget = field(default_factory=Budget)
    spawned_at: float | None = None
    ready_at: float | None = None
    next_attempt_at: float | None = None
    exit_code: int | None = None
    exit_signal: int | None = None
    extended: float | None = None
    watchdog: float | None = None
    ended_at: float | None = None
    hasty: int = 0
    halt: Halt | None = None
    next_run_at: float | None = None
    rung: int = 0
    begun: bool = False


def past_of(service: Service) -> Past:
    """Return what is to be remembered of a service."""
    return Past(
        wanted=service.wanted,
        alone=service.alone,
        state=service.state,
        reason=service.reason,
        detail=service.detail,
        generation=service.generation,
        attached=service.attached,
        restarts=service.restarts,
        budget=service.budget,
        spawned_at=service.spawned_at,
        ready_at=service.ready_at,
        next_attempt_at=service.next_attempt_at,
        exit_code=service.exit_code,
        exit_signal=service.exit_signal,
        extended=service.extended,
        watchdog=service.watchdog,
        ended_at=service.ended_at,
        hasty=service.hasty,
        halt=service.halt,
        next_run_at=service.next_run_at,
        rung=service.rung,
        begun=service.begun,
    )


def as_document(past: Past) -> dict[str, object]:
    """Return a past as values that JSON knows; what is as it mostly is, is left out."""
    halt = past.halt
    document: dict[str, object] = {
        "wanted": past.wanted,
        "alone": past.alone or None,
        "state": past.state,
        "reason": past.reason,
        "detail": past.detail,
        "generation": past.generation,
        "attached": past.attached or None,
        "restarts": past.restarts or None,
        "attempts": list(past.budget.attempts) or None,
        "settled": past.budget.settled or None,
        "spawned_at": past.spawned_at,
        "ready_at": past.ready_at,
        "next_attempt_at": past.next_attempt_at,
        "exit_code": past.exit_code,
        "exit_signal": past.exit_signal,
        "extended": past.extended,
        "watchdog": past.watchdog,
        "ended_at": past.ended_at,
        "hasty": past.hasty or None,
        "halt": None if halt is None else [halt.then, halt.reason, halt.detail],
        "next_run_at": past.next_run_at,
        "rung": past.rung or None,
        "begun": past.begun or None,
    }
    return {name: value for name, value in document.items() if value is not None}


def from_document(document: Mapping[str, Any]) -> Past | None:
    """Read what `as_document` wrote, or return None when it is not that (another version's, a damaged one)."""
    try:
        return Past(
            wanted=Wanted(document["wanted"]),
            alone=bool(document.get("alone")),
            state=State(document["state"]),
            reason=_reason(document.get("reason")),
            detail=_text(document.get("detail")),
            generation=int(document["generation"]),
            attached=bool(document.get("attached")),
            restarts=int(document.get("restarts", 0)),
            budget=_budget(document.get("attempts", ()), int(document.get("settled", 0))),
            spawned_at=_time(document.get("spawned_at")),
            ready_at=_time(document.get("ready_at")),
            next_attempt_at=_time(document.get("next_attempt_at")),
            exit_code=_number(document.get("exit_code")),
            exit_signal=_number(document.get("exit_signal")),
            extended=_time(document.get("extended")),
            watchdog=_time(document.get("watchdog")),
            ended_at=_time(document.get("ended_at")),
            hasty=int(document.get("hasty", 0)),
            halt=_halt(document.get("halt")),
            next_run_at=_time(document.get("next_run_at")),
            rung=int(document.get("rung", 0)),
            begun=bool(document.get("begun")),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _reason(value: str | None) -> Reason | None:
    return None if value is None else Reason(value)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _time(value: float | None) -> float | None:
    return None if value is None else float(value)


def _number(value: int | None) -> int | None:
    return None if value is None else int(value)


def _budget(attempts: Sequence[float], settled: int) -> Budget:
    times = tuple(float(time) for time in attempts)
    return Budget(times, max(0, min(settled, len(times))))


def _halt(value: Sequence[str | None] | None) -> Halt | None:
    if value is None:
        return None
    then, reason, detail = value
    return Halt(Then(str(then)), _reason(reason), _text(detail))
