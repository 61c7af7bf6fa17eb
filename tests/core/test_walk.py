"""Random walks over random stacks: operator, processes, probes and clock in any order; `truths` says what must hold."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from mamctl.core.events import (
    Attached,
    Down,
    Emptied,
    ErrandEnded,
    Exited,
    Found,
    Probed,
    Reload,
    Restart,
    Spawned,
    SpawnFailed,
    Stop,
    TimerFired,
    Up,
)
from mamctl.core.manifest.choices import Condition, Kind, Policy
from mamctl.core.manifest.model import Dependency, Manifest, RestartPolicy, ServiceSpec
from mamctl.core.manifest.model import Stop as Stopping
from mamctl.core.manifest.watching import Watch
from mamctl.core.outcome import is_idle, is_settled
from mamctl.core.states import ENDED, Reason, State, Timer
from mamctl.core.touched import Touched
from tests.core.hands import Hands
from tests.core.history import notified
from tests.core.stacks import LIVE, NOTIFY, READY, WATCHED, external, scheduled, service, stack, task

NAMES = ("a", "b", "c", "d")
WORDS = (
    "READY=1", "RELOADING=1", "STOPPING=1", "WATCHDOG=1", "WATCHDOG=trigger", "STATUS=busy", "EXTEND=60",
    "WATCHDOG_SECONDS=5", "WATCHDOG_SECONDS=0",
)  # fmt: skip
ONCE = (Spawned, SpawnFailed, Exited, Emptied, Attached, ErrandEnded, TimerFired)
STEPS_TO_THE_END = 200
ENDING = (Policy.ON_FAILURE, Policy.NEVER)

policies = st.builds(
    RestartPolicy,
    policy=st.sampled_from(Policy),
    delay=st.sampled_from([0.0, 0.5]),
    max_attempts=st.sampled_from([None, 0, 1, 3]),
)


def dependencies(other: ServiceSpec) -> st.SearchStrategy[Dependency]:
    """An edge that can be met: nobody waits for a service to complete, or for a task to answer."""
    last = Condition.COMPLETED if other.kind is Kind.TASK else Condition.READY
    return st.builds(
        Dependency, st.sampled_from([Condition.STARTED, last]), required=st.booleans(), restart=st.booleans()
    )


@st.composite
def specs(draw: st.DrawFn, before: list[ServiceSpec]) -> ServiceSpec:
    """One service that may need those before it."""
    name = NAMES[len(before)]
    spec = service(
        name,
        ready=draw(st.sampled_from([READY, READY, None, NOTIFY, WATCHED])),
        live=draw(st.sampled_from([LIVE, None])),
        start_timeout=draw(st.sampled_from([30.0, None])),
        restart=draw(policies),
        stop=draw(st.sampled_from([Stopping(), Stopping(), Stopping(command=("stop",))])),
        essential=draw(st.integers(0, 9)) == 9,
        watch=draw(st.sampled_from([None, Watch()])),
    )
    match draw(st.integers(0, 6)):
        case 0:
            # A task that is always restarted never settles.
            once = replace(spec.restart, policy=draw(st.sampled_from([Policy.ON_FAILURE, Policy.NEVER])))
            spec = task(name, restart=once, start_timeout=spec.start_timeout, watch=spec.watch)
        case 1:
            ladder = {"attach": draw(st.booleans()), "runs": draw(st.integers(0, 2)), "release": draw(st.booleans())}
            spec = external(name, spawned=spec, start_timeout=spec.start_timeout, **ladder)
        case 2:
            runs = draw(st.integers(0, 2))
            spec = external(name, runs=runs, release=draw(st.booleans()), start_timeout=spec.start_timeout)
        case 3:
            spec = scheduled(name, restart=replace(spec.restart, policy=draw(st.sampled_from(ENDING))))
    needs = {
        other.name: draw(dependencies(other)) for other in before if other.schedule is None and draw(st.booleans())
    }
    return replace(spec, depends_on=MappingProxyType(needs))


@st.composite
def stacks(draw: st.DrawFn) -> Manifest:
    """A stack without cycles."""
    found: list[ServiceSpec] = []
    for _ in range(draw(st.integers(1, len(NAMES)))):
        found.append(draw(specs(found)))
    return stack(*found)


class Walk(RuleBasedStateMachine):
    """Everything that can happen to a stack. `Hands` checks what must hold after each step."""

    hands: Hands

    @initialize(manifest=stacks())
    def begin(self, manifest: Manifest) -> None:
        self.hands = Hands(manifest)
        self.hands.step(Up(tuple(manifest.services), 0.0))

    # The operator ---------------------------------------------------------------------------------------------------

    @rule(data=st.data(), word=st.sampled_from([Up, Stop, Restart]))
    def operate(self, data: st.DataObject, word: type[Up | Stop | Restart]) -> None:
        names = data.draw(st.lists(st.sampled_from(sorted(self.hands.services)), min_size=1, max_size=2, unique=True))
        self.hands.step(word(tuple(names), self.hands.now))

    @rule(names=st.sampled_from(NAMES))
    def up_alone(self, names: str) -> None:
        if names in self.hands.services:
            self.hands.step(Up((names,), self.hands.now, alone=True))

    @rule(force=st.booleans())
    def down(self, force: bool) -> None:
        self.hands.step(Down(self.hands.now, force))

    @rule(names=st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    def change_files(self, names: list[str]) -> None:
        self.hands.step(Touched(dict.fromkeys(names, "app.py changed"), self.hands.now))

    @rule(manifest=stacks())
    def reload(self, manifest: Manifest) -> None:
        self.hands.step(Reload(manifest, self.hands.now))
        if self.hands.services:
            self.hands.step(Up(tuple(manifest.services), self.hands.now))

    # Processes, probes and clock ------------------------------------------------------------------------------------

    @precondition(lambda self: self.hands.spawning)
    @rule(data=st.data(), fails=st.sampled_from([None, None, None, True, False]), luck=st.sampled_from([0.0, 0.5, 1.0]))
    def answer_a_spawn(self, data: st.DataObject, fails: bool | None, luck: float) -> None:
        name = data.draw(st.sampled_from(sorted(self.hands.spawning)))
        if fails is None:
            self.hands.spawn(name)
            return
        generation = self.hands.spawning[name]
        self.hands.fail_to_spawn(
            SpawnFailed(name, generation, Reason.SPAWN_FAILED, "", final=fails, at=self.hands.now, luck=luck)
        )

    @precondition(lambda self: self.hands.running)
    @rule(data=st.data(), code=st.sampled_from([0, 0, 1, 78, None]))
    def end_a_process(self, data: st.DataObject, code: int | None) -> None:
        name = data.draw(st.sampled_from(sorted(self.hands.running)))
        self.hands.exit(name, code, 15 if code is None else None)

    @precondition(lambda self: self.hands.cleaning)
    @rule(data=st.data(), luck=st.sampled_from([0.0, 0.5, 1.0]))
    def finish_cleaning(self, data: st.DataObject, luck: float) -> None:
        self.hands.empty(data.draw(st.sampled_from(sorted(self.hands.cleaning))), luck)

    @precondition(lambda self: self.hands.errands)
    @rule(data=st.data(), complaint=st.sampled_from([None, None, "ended with code 1"]))
    def end_a_command(self, data: st.DataObject, complaint: str | None) -> None:
        self.hands.finish(data.draw(st.sampled_from(sorted(self.hands.errands))), complaint)

    @precondition(lambda self: self.hands.looking)
    @rule(data=st.data(), found=st.sampled_from(Found))
    def answer_a_look(self, data: st.DataObject, found: Found) -> None:
        self.hands.find(data.draw(st.sampled_from(sorted(self.hands.looking))), found)

    @precondition(lambda self: self.hands.probes)
    @rule(data=st.data(), answers=st.sampled_from([[True], [False], [False] * 3, [False] * 4]))
    def answer_a_probe(self, data: st.DataObject, answers: list[bool]) -> None:
        key = data.draw(st.sampled_from(sorted(self.hands.probes)))
        for ok in answers:
            if probe := self.hands.probes.get(key):
                self.hands.step(Probed(probe.name, probe.generation, probe.purpose, ok, "asked", self.hands.now))

    @precondition(lambda self: self.hands.running)
    @rule(data=st.data(), words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True))
    def let_one_speak(self, data: st.DataObject, words: list[str]) -> None:
        process = self.hands.running[data.draw(st.sampled_from(sorted(self.hands.running)))]
        self.hands.step(notified(process.name, process.generation, self.hands.now, words))

    @precondition(lambda self: self.hands.followed)
    @rule(data=st.data(), runs=st.booleans(), missed=st.integers(0, 2))
    def let_a_time_come(self, data: st.DataObject, runs: bool, missed: int) -> None:
        name = data.draw(st.sampled_from(sorted(self.hands.followed)))
        self.hands.come_due(name, runs=runs, missed=missed)

    @rule(name=st.sampled_from(NAMES))
    def up_at_once(self, name: str) -> None:
        if name in self.hands.services:
            self.hands.step(Up((name,), self.hands.now, at_once=True))

    @precondition(lambda self: self.hands.timers)
    @rule(data=st.data())
    def let_a_timer_run_out(self, data: st.DataObject) -> None:
        self.hands.fire(*data.draw(st.sampled_from(sorted(self.hands.timers))))

    @precondition(lambda self: self.hands.past)
    @rule(data=st.data())
    def tell_an_old_event_again(self, data: st.DataObject) -> None:
        past = [event for event in self.hands.past if isinstance(event, ONCE)]
        if past:
            assert self.hands.unchanged_by(data.draw(st.sampled_from(past)))

    # The end --------------------------------------------------------------------------------------------------------

    @rule()
    def let_everything_go_well(self) -> None:
        """Whatever happened, a world in which everything works makes the stack settle."""
        for _ in range(STEPS_TO_THE_END):
            if not self._go_on_well():
                break
        assert all(is_settled(found, self.hands.services) for found in self.hands.services.values())

    def _go_on_well(self) -> bool:
        hands = self.hands
        for name in (*hands.spawning, *hands.cleaning, *hands.looking, *hands.errands):
            if name in hands.errands:
                hands.finish(name)
            elif name in hands.spawning:
                hands.spawn(name)
            elif name in hands.cleaning:
                hands.empty(name)
            else:
                hands.find(name, Found.IT)
            return True
        return any(self._advance(name) for name in tuple(hands.services))

    def _advance(self, name: str) -> bool:
        """Bring one service a step nearer to what is wanted of it; tell whether there was one."""
        hands, service = self.hands, self.hands.services[name]
        match service.state:
            case State.STOPPING if name in hands.running and (hands.running[name].signals or name in hands.asked):
                hands.exit(name, signal=15)
            case State.STARTING if service.is_task:
                hands.exit(name, code=0)
            case State.STARTING if service.run.ready is None and not service.attached:
                hands.fire(name, Timer.LIVED)
            case State.STARTING | State.UNHEALTHY if service.notify:
                hands.step(notified(name, service.generation, hands.now, ["READY=1"]))
            case State.STARTING | State.UNHEALTHY:
                probe = next(probe for (asked, _), probe in hands.probes.items() if asked == name)
                hands.step(Probed(name, probe.generation, probe.purpose, True, "asked", hands.now))
            case State.BACKOFF:
                hands.fire(name, Timer.BACKOFF)
            case State.WAITING if service.reason is Reason.ABSENT:
                hands.fire(name, Timer.ATTACH)
            case _:
                return False
        return True

    def teardown(self) -> None:
        """Whatever happened, `down` ends everything."""
        if not hasattr(self, "hands"):
            return
        self.hands.step(Down(self.hands.now))
        self.let_everything_go_well()
        assert is_idle(self.hands.services)
        assert {found.state for found in self.hands.services.values()} <= ENDED


class LongWalk(Walk):
    """The same, longer and elsewhere each time."""


ALIKE = settings(deadline=None, database=None, report_multiple_bugs=False)

TestWalk = Walk.TestCase
TestWalk.settings = settings(ALIKE, max_examples=25, stateful_step_count=30, derandomize=True)

TestLongWalk = pytest.mark.slow(LongWalk.TestCase)
TestLongWalk.settings = settings(ALIKE, max_examples=1000, stateful_step_count=50)
