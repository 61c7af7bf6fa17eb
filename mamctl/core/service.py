"""One service as the supervisor knows it: what is wanted, what is true, and what follows a stop under way."""

from __future__ import annotations

from dataclasses import field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from mamctl.core.budget import Budget
from mamctl.core.dataclass import dataclass
from mamctl.core.manifest.choices import Kind
from mamctl.core.manifest.model import NotifyProbe
from mamctl.core.states import ENDED, RUNNING, Errand, Ownership, Reason, State, Timer, Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from mamctl.core.manifest.model import ServiceSpec
    from mamctl.core.manifest.schedules import Schedule

NO_TIMERS: Final[Mapping[Timer, int]] = MappingProxyType({})


class Then(StrEnum):
    """What follows once a stopping service is empty."""

    REST = "rest"
    AGAIN = "again"
    RETRY = "retry"
    FAIL = "fail"
    COMPLETE = "complete"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Halt:
    """A stop under way: what follows, why, and whether the process was signalled already."""

    then: Then
    reason: Reason | None
    detail: str | None = None
    signalled: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """What is known of one service; replaced at each change, never mutated. Times are monotonic seconds.

    `alone`: the operator wants it without what it depends on, until he says otherwise. `extended`: until when it asked
    for its start or stop to be left time. `watchdog`: the seconds between signs of life that it chose itself, 0 for
    none; `alive_at`: the last one. `ended_at`: when it last came to rest. `hasty`: how many changes on disk came in a
    row that it may have made itself (see `rerun`). `followed`: the schedule that it runs by
    now; `next_run_at`: when it does next, in seconds since 1970. `rung`: the step of its ladder that an external one
    has come to, -1: a look before the first; `looking`: an answer to Attach is awaited; `begun`: a run step of ours
    started it, and it was not seen to be gone since; `errand`: which command about it runs.
    """

    spec: ServiceSpec
    wanted: Wanted = Wanted.DOWN
    alone: bool = False
    state: State = State.STOPPED
    reason: Reason | None = None
    detail: str | None = None
    generation: int = 0
    pid: int | None = None
    ownership: Ownership = Ownership.MANAGED
    restarts: int = 0
    budget: Budget = field(default_factory=Budget)
    spawned_at: float | None = None
    ready_at: float | None = None
    next_attempt_at: float | None = None
    exit_code: int | None = None
    exit_signal: int | None = None
    bad_ready: int = 0
    bad_live: int = 0
    extended: float | None = None
    watchdog: float | None = None
    alive_at: float | None = None
    ended_at: float | None = None
    hasty: int = 0
    halt: Halt | None = None
    timers: Mapping[Timer, int] = field(default_factory=lambda: NO_TIMERS)
    tokens: int = 0
    followed: Schedule | None = None
    next_run_at: float | None = None
    rung: int = 0
    looking: bool = False
    begun: bool = False
    errand: Errand | None = None

    @property
    def name(self) -> str:
        """Its name in the manifest."""
        return self.spec.name

    @property
    def run(self) -> ServiceSpec:
        """The spec its process is run by: for an external service that of the spawn step."""
        external = self.spec.external
        return external.spawned if external and external.spawned else self.spec

    @property
    def attached(self) -> bool:
        """Whether it is somebody else's process that we only watch."""
        return self.ownership is Ownership.EXTERNAL

    @property
    def notify(self) -> NotifyProbe | None:
        """How our own process of it says that it is ready, if it says so itself."""
        ready = self.run.ready
        return ready.check if ready and isinstance(ready.check, NotifyProbe) and not self.attached else None

    @property
    def watchdog_period(self) -> float | None:
        """The seconds within which it must give a sign of life, or None."""
        period = self.notify.watchdog if self.watchdog is None and self.notify else self.watchdog
        return period or None

    @property
    def to_release(self) -> bool:
        """Whether stopping it means to run its release command."""
        external = self.spec.external
        return self.begun and self.pid is None and external is not None and bool(external.release)

    @property
    def to_be_asked(self) -> bool:
        """Whether it is being stopped, and nothing has told it yet."""
        untold = self.halt is not None and not self.halt.signalled
        return untold and (self.pid is not None or self.to_release)

    @property
    def returning(self) -> bool:
        """Whether the stop under way is followed by another start."""
        return self.halt is not None and self.halt.then in (Then.AGAIN, Then.RETRY)

    @property
    def comes_back(self) -> bool:
        """Whether it runs or is on its way up, so that clients of its held sockets need not wait in vain."""
        return self.returning if self.state is State.STOPPING else not self.ended

    @property
    def leaving(self) -> bool:
        """Whether it is gone from the manifest and is forgotten once it is empty."""
        return self.halt is not None and self.halt.then is Then.REMOVE

    @property
    def is_task(self) -> bool:
        """Whether it runs to its end."""
        return self.spec.kind is Kind.TASK

    @property
    def resting(self) -> bool:
        """Whether it waits for nothing but its time."""
        by_clock = self.spec.schedule is not None and self.reason is Reason.SCHEDULED
        return by_clock and self.state is State.WAITING

    @property
    def between_runs(self) -> bool:
        """Whether it has a schedule, and no run of it is under way."""
        return self.spec.schedule is not None and (self.resting or self.state in ENDED)

    @property
    def running(self) -> bool:
        """Whether a process of this generation exists, may exist, or is watched."""
        return self.state in RUNNING

    @property
    def ended(self) -> bool:
        """Whether nothing of it exists and nothing will start by itself."""
        by_clock = self.spec.schedule is not None and self.wanted is Wanted.UP
        return self.state in ENDED and not by_clock

    def but(self, **changes: Any) -> Service:
        """Return it with these fields changed."""
        return replace(self, **changes)

    def without(self, timer: Timer) -> Service:
        """Return it with this timer forgotten: when it runs out, or did, that means nothing."""
        return replace(self, timers={other: token for other, token in self.timers.items() if other is not timer})

    def rest(self) -> Service:
        """Return it waiting: for its time when it has a schedule, else for nothing but its turn."""
        if self.spec.schedule is None:
            return self.enter(State.WAITING)
        return self.enter(State.WAITING, Reason.SCHEDULED, "waits for its time")

    def enter(self, state: State, reason: Reason | None = None, detail: str | None = None) -> Service:
        """Return it in another state; what belonged to the old one (timers, next attempt) is gone."""
        return replace(
            self,
            state=state,
            reason=reason,
            detail=detail,
            timers=NO_TIMERS,
            next_attempt_at=None,
            bad_ready=0,
            bad_live=0,
            extended=None,
            looking=False,
            errand=None,
        )
