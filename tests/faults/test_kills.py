"""kill -9 of the supervisor, of its guardian, of both, at any moment: services and lines go on."""

from __future__ import annotations

import contextlib
import ctypes
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
from tests.faults.tally import Tally, tally, written
from tests.runtime.stack import lives
from tests.scripted import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IDLE = ["sleep", "100000"]
PATIENT = {"MAMCTL_CRASHES_ALLOWED": "100000"}
SPLIT = [f"split{number}" for number in range(3)]
ROTATING = [f"rotating{number}" for number in range(3)]
QUIET = [f"quiet{number}" for number in range(12)]
FLOODING = ["flooding0", "flooding1"]
WRITERS = [*SPLIT, *ROTATING, *QUIET, *FLOODING]
# What follows a kill must be over within this, in seconds: it is the limit of a test, not the promise.
SOON = 30.0
PR_SET_CHILD_SUBREAPER = 36


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


# The guardian gives up -------------------------------------------------------------------------------------------


def give_up(stack: Stack) -> None:
    """Kill supervisors until the guardian starts no other one."""
    brain = stack.brain
    for left in reversed(range(5)):
        kill(brain)
        if left:
            brain = begun(stack, brain)
            eventually(stands(stack, known=0), within=SOON)
    eventually(lambda: (guard := ask_guardian(stack.place)) is not None and guard.gave_up, within=SOON)


def test_a_guardian_that_gave_up_keeps_services_and_lines_and_says_so(stack: Stack) -> None:
    stack.up({"a": stack.writer("--rate", 500), "b": stack.writer("--both", "--rate", 500, logs={"streams": "split"})})
    pids = stack.pids()
    give_up(stack)
    assert "crashed 5 times within a minute and is not started again; the services go on alone" in stack.said()
    said = stack.mamctl("status", code=4)
    assert "guardian" in said
    assert "`mamctl up -d`" in said
    # More than a pipe holds.
    before = sum(written(stack.notes, "a").values())
    eventually(lambda: sum(written(stack.notes, "a").values()) > before + 2000, within=SOON)
    said = stack.up()
    assert "had given up on it; it starts a supervisor again" in said
    assert stack.pids() == pids
    assert stack.restarts() == 0
    stack.down()
    logs = pathlib.Path(stack.place.logs)
    found = stack.tally("a", "b") + tally(logs, stack.notes, "b", stream=".err")
    tell("guardian gave up after 5 kills, then `up -d`", f"1, {found.lines:,} lines", lost=found.lost,
         doubled=found.doubled, torn=found.torn)  # fmt: skip


def test_down_works_when_the_guardian_has_given_up(stack: Stack) -> None:
    stack.up({"a": stack.writer("--rate", 100), "b": {"command": IDLE}})
    give_up(stack)
    assert "stopped 2 services; nothing is left" in stack.mamctl("down")
    assert stack.processes() == {}
    assert stack.keepers() == []


# How they ended --------------------------------------------------------------------------------------------------

SIGNALS = (signal.SIGKILL, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGTERM)


@contextlib.contextmanager
def unwatched(stack: Stack) -> Iterator[None]:
    """Kill the supervisor, and let no other one come for a while."""
    guardian, brain = stack.guardian, stack.brain
    assert guardian is not None
    os.kill(guardian, signal.SIGSTOP)
    kill(brain)
    yield
    os.kill(guardian, signal.SIGCONT)
    eventually(stands(stack, known=brain), within=SOON)


@rounds(100, 500)
def test_no_exit_is_missed_while_the_supervisor_is_dead(stack: Stack, rounds: int) -> None:
    names = [f"s{number}" for number in range(rounds)]
    stack.up({name: {"command": IDLE, "restart": "never", "ready": None} for name in names})
    pids = stack.pids()
    died = {name: SIGNALS[number % len(SIGNALS)] for number, name in enumerate(names)}
    with unwatched(stack):
        for name, number in died.items():
            os.kill(pids[name], number)
    with contextlib.suppress(AssertionError):
        eventually(lambda: not stack.pids(), within=10)
    rows = stack.rows()
    wrong = [name for name, number in died.items() if rows[name]["exit_signal"] != number]
    tell("exits at one moment while the supervisor is dead", f"{rounds} services", missed=len(stack.pids()),
         wrong_signals=len(wrong))  # fmt: skip


# A task that is told when to end, and how.
TOLD = "trap 'exit 7' USR1; trap 'exit 0' USR2; sleep 100000 & wait"


def told(**keys: object) -> dict[str, object]:
    return {"command": ["sh", "-c", TOLD], "ready": None, **keys}


def test_who_ends_while_the_supervisor_is_dead_is_treated_as_it_ended(stack: Stack) -> None:
    stack.up(
        {
            "once": told(restart="never"),
            "clean": told(restart="on-failure"),
            "again": told(restart={"policy": "always", "delay": "10ms"}),
            "task": told(kind="task"),
            "killed": told(restart="never"),
        },
        "--no-wait",
    )
    eventually(lambda: len(stack.pids()) == 5, within=SOON)
    pids = stack.pids()
    ends = {"once": "USR1", "clean": "USR2", "again": "USR1", "task": "USR2", "killed": "KILL"}
    with unwatched(stack):
        for name, word in ends.items():
            os.kill(pids[name], getattr(signal, f"SIG{word}"))
            eventually(lambda name=name: not lives(pids[name]))
    eventually(lambda: list(stack.pids()) == ["again"], within=SOON)
    rows = stack.rows()
    ended = {name: (row["state"], row["reason"], row["exit_code"], row["exit_signal"]) for name, row in rows.items()}
    del ended["again"]
    assert ended == {
        "once": ("failed", "exited", 7, None),
        "clean": ("completed", None, 0, None),
        "task": ("completed", None, 0, None),
        "killed": ("failed", "killed", None, 9),
    }
    assert (rows["again"]["restarts"], rows["again"]["generation"]) == (1, 2)


def is_collected(pid: int) -> bool:
    """Collect a child that has ended. It is ours only once the last thread of the parent it lost has ended, too."""
    with contextlib.suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    return False


@contextlib.contextmanager
def adopting() -> Iterator[None]:
    """Let what loses its parent become our child, as it would become init's."""
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    yield
    prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def test_who_ends_while_both_are_dead_has_an_unknown_end(stack: Stack) -> None:
    with adopting():
        stack.up({"once": told(restart="never"), "again": told(restart={"delay": "10ms"}), "lives": told()})
        pids, guardian, brain = stack.pids(), stack.guardian, stack.brain
        assert guardian is not None
        kill(guardian, brain)
        eventually(lambda: not lives(guardian) and not lives(brain))
        for name in ("once", "again"):
            kill(pids[name])
            eventually(lambda name=name: is_collected(pids[name]))
        stack.up(None, "--no-wait")
        eventually(lambda: stack.rows()["again"]["state"] == "ready", within=SOON)
        assert stack.pids()["lives"] == pids["lives"]
        [end] = [event for event in stack.events("process-exit") if event["service"] == "once"]
        assert (end["data"]["reason"], end["data"]["exit_signal"]) == ("unsupervised_exit", None)
        assert (stack.rows()["again"]["generation"], stack.rows()["again"]["restarts"]) == (2, 1)
        stack.down()
        os.waitpid(guardian, 0)


# The limit -------------------------------------------------------------------------------------------------------

LARGEST_PIPE = 1 << 20
# What a writer's line has at least.
LINE = f"dies 1 {0:060}\n"


def test_while_both_are_dead_a_service_waits_for_the_next_up_once_its_pipe_is_full(stack: Stack) -> None:
    many = stack.writer("--rate", 4000, logs={"max_size": "1GB"})
    stack.up({"waits": many, "dies": many})
    pids, guardian, brain = stack.pids(), stack.guardian, stack.brain
    assert guardian is not None
    kill(guardian, brain)
    eventually(lambda: not lives(guardian) and not lives(brain), within=SOON)
    eventually(lambda: is_blocked(pids["waits"]) and is_blocked(pids["dies"]), within=SOON)
    kill(pids["dies"])
    unread = {name: sum(written(stack.notes, name).values()) - stored_lines(stack, name) for name in pids}
    stack.mamctl("up", "-d", "waits", "--no-wait")
    assert stack.pids()["waits"] == pids["waits"]
    before = sum(written(stack.notes, "waits").values())
    eventually(lambda: sum(written(stack.notes, "waits").values()) > before + 1000, within=SOON)
    stack.down()
    kept = stack.tally("waits")
    gone = tally(pathlib.Path(stack.place.logs), stack.notes, "dies")
    assert 0 < gone.lost <= unread["dies"] + 1
    assert gone.lost * len(LINE) <= LARGEST_PIPE
    tell("both dead until the pipe is full, then `up`", f"1, {unread['waits']:,} lines waited", lost=kept.lost,
         doubled=kept.doubled, torn=kept.torn)  # fmt: skip


def is_blocked(pid: int) -> bool:
    """Tell whether a process waits in a write."""
    with contextlib.suppress(OSError):
        return "pipe_write" in pathlib.Path(f"/proc/{pid}/wchan").read_text()
    return False


def stored_lines(stack: Stack, name: str) -> int:
    return stack.log(name).read_bytes().count(b"\n")
