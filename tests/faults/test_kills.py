"""kill -9 of the supervisor, of its guardian, of both, at any moment: services and lines go on."""

from __future__ import annotations

import contextlib
import os
import pathlib
import random
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from mamctl.control.door import ask_guardian
from mamctl.core.errors import MamctlError
from tests.faults.figures import tell
from tests.faults.rounds import rounds
from tests.faults.stack import Stack, stacked
from tests.faults.tally import Tally, tally
from tests.runtime.stack import lives
from tests.scripted import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENT = {"MAMCTL_CRASHES_ALLOWED": "100000"}
SPLIT = [f"split{number}" for number in range(3)]
ROTATING = [f"rotating{number}" for number in range(3)]
QUIET = [f"quiet{number}" for number in range(12)]
FLOODING = ["flooding0", "flooding1"]
WRITERS = [*SPLIT, *ROTATING, *QUIET, *FLOODING]
# What follows a kill must be over within this, in seconds: it is the limit of a test, not the promise.
SOON = 30.0


@pytest.fixture
def patient(tmp_path: pathlib.Path) -> Iterator[Stack]:
    """A stack whose guardian does not give up."""
    with stacked(tmp_path / "stack", PATIENT) as found:
        yield found


def write_lines(stack: Stack, flood: int) -> None:
    """Bring 20 writers up; those that flood write so many lines."""
    stack.up(
        {
            **{name: stack.writer("--both", "--rate", 200, logs={"streams": "split"}) for name in SPLIT},
            **{name: stack.writer("--rate", 1000, logs={"max_size": "40KB", "keep": 10_000}) for name in ROTATING},
            **{name: stack.writer("--rate", 200) for name in QUIET},
            **{name: stack.writer("--lines", flood, logs={"max_size": "20MB", "keep": 1000}) for name in FLOODING},
        }
    )


def count_lines(stack: Stack) -> Tally:
    """End the writers, and count what they wrote."""
    stack.down()
    logs = pathlib.Path(stack.place.logs)
    split = (tally(logs, stack.notes, name, stream=".err") for name in SPLIT)
    return stack.tally(*WRITERS) + sum(split, Tally())


def rest(most: float) -> None:
    """Let a random time pass: when the blow falls is what is tested."""
    threading.Event().wait(random.uniform(0, most))


def stands(stack: Stack, known: int) -> Callable[[], bool]:
    """Return what tells whether another supervisor than this one answers."""

    def look() -> bool:
        with contextlib.suppress(MamctlError):
            return stack.brain != known
        return False

    return look


def begun(stack: Stack, known: int) -> int:
    """Return the pid of the supervisor that comes after this one, as soon as it is a process."""
    found: list[int] = []

    def look() -> bool:
        guard = ask_guardian(stack.place)
        if guard is not None and guard.brain not in (None, known):
            found.append(int(guard.brain or 0))
        return bool(found)

    eventually(look, within=SOON)
    return found[0]


def kill(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


@rounds(12, 200)
def test_killed_supervisors_cost_no_line_and_no_service(patient: Stack, rounds: int) -> None:
    write_lines(patient, 10_000 * rounds)
    pids, brain = patient.pids(), patient.brain
    for number in range(rounds):
        if number % 3 == 2:
            rest(0.15)  # it is only just starting
        else:
            eventually(stands(patient, known=0), within=SOON)
            rest(0.3)
        kill(brain)
        brain = begun(patient, brain)
    eventually(stands(patient, known=0), within=SOON)
    report(patient, "supervisor killed (KILL)", rounds, pids)


def report(stack: Stack, fault: str, rounds: int, pids: dict[str, int]) -> None:
    """Count, and note the row."""
    changed = sum(stack.pids().get(name) != pid for name, pid in pids.items())
    restarts, doubles = stack.restarts(), stack.doubles()
    found = count_lines(stack)
    assert found.lines > 1000 * rounds
    tell(fault, f"{rounds}, {len(WRITERS)} writers, {found.lines:,} lines", lost=found.lost, doubled=found.doubled,
         torn=found.torn, pids_changed=changed, double_starts=doubles, restarts=restarts)  # fmt: skip


@rounds(8, 200)
def test_killed_guardians_cost_no_line_and_no_service(patient: Stack, rounds: int) -> None:
    write_lines(patient, 10_000 * rounds)
    pids = patient.pids()
    guardian, brain = patient.guardian, patient.brain
    for number in range(rounds):
        if number % 3 == 2:
            rest(0.15)
        else:
            eventually(stands(patient, known=0), within=SOON)
            rest(0.3)
        assert guardian is not None
        kill(guardian)
        # Who was the supervisor is the guardian now.
        guardian, brain = brain, begun(patient, brain)
    eventually(stands(patient, known=0), within=SOON)
    assert (patient.guardian, patient.brain) == (guardian, brain)
    report(patient, "guardian killed (KILL)", rounds, pids)


@rounds(3, 50)
def test_both_killed_at_once_and_up_again_cost_no_line_and_no_service(patient: Stack, rounds: int) -> None:
    write_lines(patient, 10_000 * rounds)
    pids = patient.pids()
    for _ in range(rounds):
        guardian, brain = patient.guardian, patient.brain
        assert guardian is not None
        rest(0.3)
        kill(guardian, brain)
        eventually(lambda brain=brain, guardian=guardian: not lives(brain) and not lives(guardian), within=SOON)
        patient.up()
        assert {patient.guardian, patient.brain}.isdisjoint({guardian, brain})
    report(patient, "both killed (KILL), then `up`", rounds, pids)
