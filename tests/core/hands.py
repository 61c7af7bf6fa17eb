"""Hands on paper: perform what the supervisor decides in a table of processes, and refuse what must never be asked.

Every test of the core goes through here, so what is asserted here holds in every history, world and walk.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mamctl.core.actions import (
    Announce,
    ArmTimer,
    Attach,
    Cancel,
    Clean,
    Follow,
    Run,
    Signal,
    Spawn,
    StartProbe,
    StopProbes,
)
from mamctl.core.dependencies import outlook
from mamctl.core.events import (
    Attached,
    Down,
    Due,
    Emptied,
    ErrandEnded,
    Exited,
    Found,
    Planned,
    Probed,
    Spawned,
    SpawnFailed,
    TimerFired,
)
from mamctl.core.states import Errand, State, Timer, Wanted
from mamctl.core.supervisor import Supervisor
from tests.core.truths import check

if TYPE_CHECKING:
    from mamctl.core.actions import Action
    from mamctl.core.events import Event
    from mamctl.core.manifest.model import Manifest
    from mamctl.core.service import Service
    from mamctl.core.states import Purpose

SIGKILL = 9


@dataclass
class Process:
    """A process that we spawned. `end`: its code or the number of the signal, once it was told."""

    name: str
    generation: int
    pid: int
    signals: list[int] = field(default_factory=list)
    end: tuple[int | None, int | None] | None = None


class Hands:
    """What was asked for and is not answered yet, what runs, and the clock."""

    def __init__(self, manifest: Manifest) -> None:
        self.supervisor = Supervisor(manifest)
        self.now = 0.0
        self.spawning: dict[str, int] = {}
        self.looking: dict[str, int] = {}
        self.cleaning: dict[str, int] = {}
        self.running: dict[str, Process] = {}
        # Which command about a service runs, and of which generation it is; and who was asked to stop by one.
        self.errands: dict[str, tuple[Errand, int]] = {}
        self.asked: set[str] = set()
        self.probes: dict[tuple[str, Purpose], StartProbe] = {}
        # When each timer runs out. Like real ones they are replaced, but never cancelled.
        self.timers: dict[tuple[str, Timer], tuple[float, int]] = {}
        # Whose schedules are followed, and since when by an earlier supervisor's word.
        self.followed: dict[str, float | None] = {}
        self.said: list[Announce] = []
        self.past: list[Event] = []
        # What a journal has besides: each service's last generation that was to be spawned, and its process.
        self.intents: dict[str, int] = {}
        self.born: dict[str, Process] = {}
        self.before: dict[str, Service] = {}
        # Who died while there was no supervisor: the next one knows, and is told how in the next moment.
        self.unseen: set[str] = set()
        self._pids = 100

    @property
    def services(self) -> dict[str, Service]:
        """The supervisor's services."""
        return self.supervisor.services

    def step(self, event: Event) -> list[Action]:
        """Give one event to the supervisor, perform what it decides, and check all that must always hold."""
        self.before = dict(self.services)
        actions = self.supervisor.step(event)
        for action in actions:
            self._perform(action, forced=isinstance(event, Down) and event.force)
        self._check_starts(actions, event)
        # Most answers of probes say that all is as it was; a state does not change without a word.
        if actions or not isinstance(event, Probed):
            check(self)
        self.past.append(event)
        return actions

    def unchanged_by(self, event: Event) -> bool:
        """Tell whether an event changes nothing and asks for nothing."""
        before = dict(self.services)
        return not self.supervisor.step(event) and self.services == before

    # Answers --------------------------------------------------------------------------------------------------------

    def spawn(self, name: str) -> list[Action]:
        """Let the process that is asked for exist."""
        process = self.let_exist(name)
        return self.step(Spawned(name, process.generation, process.pid, self.now))

    def let_exist(self, name: str) -> Process:
        """Let the process that is asked for exist, and tell nobody."""
        self._pids += 1
        self.asked.discard(name)
        process = self.born[name] = self.running[name] = Process(name, self.spawning.pop(name), self._pids)
        return process

    def fail_to_spawn(self, failure: SpawnFailed) -> list[Action]:
        """Let the process that is asked for not come to be."""
        assert self.spawning.pop(failure.name) == failure.generation
        return self.step(failure)

    def exit(self, name: str, code: int | None = None, signal: int | None = None) -> list[Action]:
        """Let a process end."""
        process = self.running.pop(name)
        process.end = code, signal
        self.unseen.discard(name)
        return self.step(Exited(name, process.generation, code, signal, self.now))

    def empty(self, name: str, luck: float = 0.5) -> list[Action]:
        """Let it be seen that nothing is left of an incarnation."""
        return self.step(Emptied(name, self.cleaning.pop(name), self.now, luck=luck))

    def find(self, name: str, found: Found, detail: str = "as told") -> list[Action]:
        """Answer a look for an external service."""
        return self.step(Attached(name, self.looking.pop(name), found, detail, self.now))

    def finish(self, name: str, complaint: str | None = None) -> list[Action]:
        """Let the command about a service end: well, or with a complaint."""
        errand, generation = self.errands.pop(name)
        return self.step(ErrandEnded(name, generation, errand, complaint, self.now))

    def fire(self, name: str, timer: Timer) -> list[Action]:
        """Let a timer run out, now or when it is due."""
        due, token = self.timers.pop((name, timer))
        self.now = max(self.now, due)
        return self.step(TimerFired(name, timer, token, self.now))

    def plan(self, name: str, at: float) -> list[Action]:
        """Tell when a scheduled task runs next."""
        return self.step(Planned(name, at, f"{at:g} o'clock", self.now))

    def come_due(self, name: str, at: float = 200.0, *, runs: bool = True, missed: int = 0) -> list[Action]:
        """Let the time of a scheduled task come; the next one is `at`."""
        return self.step(Due(name, at, f"{at:g} o'clock", self.now, runs=runs, missed=missed))

    # Performing -----------------------------------------------------------------------------------------------------

    def _perform(self, action: Action, *, forced: bool) -> None:
        match action:
            case Spawn():
                self._assert_free(action.name)
                self.spawning[action.name] = self.intents[action.name] = action.generation
            case Attach():
                self._assert_free(action.name)
                self.looking[action.name] = action.generation
            case Signal():
                self._signal(action, forced=forced)
            case Run() | Cancel():
                self._run(action)
            case Clean():
                self._assert_free(action.name)
                self.cleaning[action.name] = action.generation
            case StartProbe():
                self.probes[action.name, action.purpose] = action
            case StopProbes():
                self.probes = {key: probe for key, probe in self.probes.items() if key[0] != action.name}
                self.looking.pop(action.name, None)
            case ArmTimer():
                assert action.delay >= 0
                self.timers[action.name, action.timer] = (self.now + action.delay, action.token)
            case Announce() | Follow():
                self._hear(action)

    def _hear(self, said: Announce | Follow) -> None:
        """No attempt is announced beyond those that the policy grants."""
        if isinstance(said, Follow):
            self.followed.pop(said.name, None)
            self.followed.update({said.name: said.since} if said.schedule else {})
            return
        self.said.append(said)
        if said.kind == "backoff" and said.name is not None:
            service = self.services[said.name]
            most = service.run.restart.max_attempts
            assert most is None or len(service.budget.attempts) <= most

    def _assert_free(self, name: str) -> None:
        """Between two incarnations of a service, the first one was seen to be empty."""
        assert name not in self.running, f"{name} runs"
        assert name not in self.spawning, f"{name} is being spawned"
        assert name not in self.cleaning, f"{name} is being cleaned up after"

    def _run(self, action: Run | Cancel) -> None:
        """A command runs about nothing but what it is for, and never two about one service."""
        if isinstance(action, Cancel):
            del self.errands[action.name]
            return
        assert action.name not in self.errands
        assert self.services[action.name].generation == action.generation
        if action.errand is Errand.STOP:
            assert action.name in self.running
            self.asked.add(action.name)
        else:
            self._assert_free(action.name)
        if action.errand is not Errand.START:
            behind = self.supervisor.graph.dependants[action.name]
            assert not [name for name in behind if self.services[name].state is State.STOPPING]
        self.errands[action.name] = action.errand, action.generation

    def _signal(self, action: Signal, *, forced: bool) -> None:
        """Only what we spawned is signalled, and only behind the dependants that stop with it."""
        process = self.running[action.name]
        assert process.generation == action.generation
        behind = self.supervisor.graph.dependants[action.name]
        if action.signal != SIGKILL and not forced:
            assert not [name for name in behind if self.services[name].state is State.STOPPING]
        process.signals.append(action.signal)

    def _check_starts(self, actions: list[Action], event: Event) -> None:
        """Only what is wanted starts, once its dependencies are met; the ladder's next step needs no new leave."""
        climbs = isinstance(event, Attached | ErrandEnded) or (
            isinstance(event, TimerFired) and event.timer in (Timer.ATTACH, Timer.START)
        )
        for action in actions:
            if isinstance(action, Spawn | Attach) and not climbs:
                service = self.services[action.name]
                assert service.wanted is Wanted.UP
                assert outlook(service, self.services).clear, f"{action.name} starts too early"
