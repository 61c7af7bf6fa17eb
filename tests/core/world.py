"""A whole stack in virtual time: processes with scripted lives, probes, timers; hours pass in milliseconds."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from mamctl.core.actions import ArmTimer, Attach, Clean, Run, Signal, Spawn, StartProbe
from mamctl.core.events import Found, Probed, SpawnFailed
from mamctl.core.probing import probe_for
from mamctl.core.states import Errand
from tests.core.hands import SIGKILL, Hands

if TYPE_CHECKING:
    from collections.abc import Callable

    from mamctl.core.actions import Action
    from mamctl.core.events import Event
    from mamctl.core.manifest.model import Manifest
    from mamctl.core.states import Reason, State

# How long the hands take, and how often a starting service is asked. Seconds.
HANDS = 0.001
ASKED_EVERY = 0.25


@dataclass(frozen=True)
class Life:
    """How one incarnation goes. Seconds are counted from its spawn; None: never."""

    refused: Reason | None = None
    ready_after: float | None = 0.2
    hangs_after: float | None = None  # it answers no probe from then on
    dies_after: float | None = None
    code: int = 0
    stops_in: float | None = 0.05  # from the stop signal; None: it ignores it
    starts_in: float | None = 0.5  # what its run step takes; None: it hangs


class World:
    """Performs what the supervisor decides, in its own time. `states` is what came of it: (seconds, name, state).

    `lives` are those of each service, one after the other; the last one is lived again and again. `found` is who
    stands in the place of external services: what a run step started, too, until it is released.
    """

    def __init__(self, manifest: Manifest, **lives: list[Life]) -> None:
        self.hands = Hands(manifest)
        self.found = Found.NOBODY
        self.states: list[tuple[float, str, State]] = []
        self._lives = {name: list(lives.get(name, [Life()])) for name in manifest.services}
        self._lived: dict[str, tuple[Life, float]] = {}
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._last: dict[str, State] = {}

    def tell(self, event: Event) -> None:
        """Let the operator say something."""
        self._do(self.hands.step(event))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        until = self.hands.now + seconds
        while self._queue and self._queue[0][0] <= until:
            self.hands.now, _, happen = heapq.heappop(self._queue)
            happen()
        self.hands.now = until

    def state(self, name: str) -> State:
        """Return the state of a service now."""
        return self.hands.services[name].state

    def history(self, name: str) -> list[State]:
        """Return the states that a service went through."""
        return [state for _, found, state in self.states if found == name]

    def first(self, name: str, state: State) -> float:
        """Return when a service was in a state for the first time."""
        return next(at for at, found, state_then in self.states if (found, state_then) == (name, state))

    # What it takes to perform each action ---------------------------------------------------------------------------

    def _do(self, actions: list[Action]) -> None:
        self._note()
        self._perform(actions)

    def _note(self) -> None:
        for name, service in self.hands.services.items():
            if self._last.get(name) is not service.state:
                self._last[name] = service.state
                self.states.append((self.hands.now, name, service.state))

    def _perform(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Spawn(name=name):
                    self._later(HANDS, lambda name=name: self._spawn(name))
                case Attach(name=name, generation=generation):
                    self._later(HANDS, lambda name=name, asked=generation: self._look(name, asked))
                case Signal():
                    self._signal(action)
                case Run():
                    self._run(action)
                case Clean(name=name):
                    self._later(HANDS, lambda name=name: self._do(self.hands.empty(name)))
                case StartProbe():
                    self._ask_later(action)
                case ArmTimer():
                    self._later(action.delay, lambda action=action: self._fire(action))

    def _later(self, seconds: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.hands.now + seconds, next(self._order), happen))

    def _spawn(self, name: str) -> None:
        lives = self._lives[name]
        life = lives.pop(0) if len(lives) > 1 else lives[0]
        generation, now = self.hands.spawning[name], self.hands.now
        if life.refused is not None:
            refusal = SpawnFailed(name, generation, life.refused, "refused", final=False, at=now)
            self._do(self.hands.fail_to_spawn(refusal))
            return
        self._lived[name] = life, now
        if life.dies_after is not None:
            self._later(life.dies_after, lambda: self._exit(name, generation, life.code, None))
        self._do(self.hands.spawn(name))

    def _exit(self, name: str, generation: int, code: int | None, signal: int | None) -> None:
        process = self.hands.running.get(name)
        if process is not None and process.generation == generation:
            self._do(self.hands.exit(name, code, signal))

    def _signal(self, action: Signal) -> None:
        seconds = HANDS if action.signal == SIGKILL else self._lived[action.name][0].stops_in
        if seconds is not None:
            self._later(seconds, lambda: self._exit(action.name, action.generation, None, action.signal))

    def _run(self, run: Run) -> None:
        """Let a command run: it starts or ends what is looked for, or ends the process."""
        seconds = self._lives[run.name][0].starts_in if run.errand is Errand.START else HANDS
        if seconds is not None:
            self._later(seconds, lambda: self._carry_out(run))

    def _carry_out(self, run: Run) -> None:
        if self.hands.errands.get(run.name) != (run.errand, run.generation):
            return
        if run.errand is Errand.STOP:
            self._later(HANDS, lambda: self._exit(run.name, run.generation, 0, None))
        else:
            self.found = Found.IT if run.errand is Errand.START else Found.NOBODY
        self._do(self.hands.finish(run.name))

    def _look(self, name: str, generation: int) -> None:
        if self.hands.looking.get(name) == generation:
            self._do(self.hands.find(name, self.found))

    def _fire(self, action: ArmTimer) -> None:
        _, token = self.hands.timers.get((action.name, action.timer), (0.0, None))
        if token == action.token:
            self._do(self.hands.fire(action.name, action.timer))

    # Probes ---------------------------------------------------------------------------------------------------------

    def _ask_later(self, probe: StartProbe) -> None:
        asked = probe_for(self.hands.services[probe.name], probe.purpose)
        assert asked is not None
        self._later(ASKED_EVERY if probe.fast else asked.interval, lambda: self._ask(probe))

    def _ask(self, probe: StartProbe) -> None:
        if self.hands.probes.get((probe.name, probe.purpose)) is not probe:
            return
        ok = self._answers(probe.name)
        event = Probed(probe.name, probe.generation, probe.purpose, ok, "asked", self.hands.now)
        if not (ok and probe.fast):
            self._ask_later(probe)
        self._do(self.hands.step(event))

    def _answers(self, name: str) -> bool:
        if self.hands.services[name].attached:
            return self.found is Found.IT
        life, born = self._lived[name]
        age = self.hands.now - born
        hangs = life.hangs_after is not None and age >= life.hangs_after
        return life.ready_after is not None and age >= life.ready_after and not hangs
