"""A supervisor that dies at the worst moments: the next one comes to the state of a run that nobody disturbed."""

from __future__ import annotations

import os
import pathlib
import signal
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.runtime.crashpoints import POINTS, VARIABLE
from tests.faults.figures import tell
from tests.faults.stack import end, stacked
from tests.faults.tally import tally, written
from tests.faults.test_kills import IDLE, PATIENT, SOON, begun, kill, stands
from tests.runtime.stack import lives
from tests.scripted import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.stack import Stack

WRITERS = ("keeps", "needs", "victim", "turning")
LATER = {"delay": "1h", "max_delay": "1h"}
SETTLED = {
    "task": ("completed", None, 1),
    "keeps": ("ready", None, 1),
    "needs": ("ready", None, 1),
    "stopped": ("stopped", "by_operator", 1),
    "failed": ("failed", "exited", 1),
    "waits": ("backoff", "exited", 1),
}
"""State, reason and generation of what nobody touches."""


def note(stack: Stack, point: str) -> pathlib.Path:
    """Return the file that keeps supervisors from dying at a point."""
    return pathlib.Path(stack.place.home, f"crashed_{point}")


@pytest.fixture(params=POINTS)
def point(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def doomed(tmp_path: pathlib.Path, point: str) -> Iterator[Stack]:
    """A stack in which everything has settled, and whose supervisor is about to die at a point."""
    with stacked(tmp_path / "stack", {**PATIENT, VARIABLE: point}) as stack:
        pathlib.Path(stack.place.home).mkdir(mode=0o700)
        note(stack, point).touch()
        stack.up(services(stack), "--no-wait")
        stack.mamctl("stop", "stopped")
        eventually(lambda: settled(stack) == SETTLED, within=SOON)
        yield stack


def services(stack: Stack) -> dict[str, Any]:
    ran = stack.notes / "ran"
    return {
        "task": {"kind": "task", "command": ["sh", "-c", f"echo ran >>{ran}"]},
        "keeps": stack.writer("--rate", 300, depends_on=["task"]),
        "needs": stack.writer("--both", "--rate", 300, depends_on=["keeps"], logs={"streams": "split"}),
        "victim": stack.writer("--rate", 300),
        "turning": stack.writer("--rate", 3000, logs={"max_size": "20KB", "keep": 10_000}, manual=True),
        "stopped": {"command": IDLE},
        "failed": {"command": ["sh", "-c", "exit 3"], "restart": "never"},
        "waits": {"command": ["sh", "-c", "exit 4"], "restart": LATER},
    }


def settled(stack: Stack) -> dict[str, tuple[str, str | None, int]]:
    """Return state, reason and generation of what nobody touches."""
    rows = stack.rows()
    return {name: (rows[name]["state"], rows[name]["reason"], rows[name]["generation"]) for name in SETTLED}


def provoke(stack: Stack, point: str) -> None:
    """Do what leads to the point; the client is left to itself."""
    word = {"mid_stop": "stop", "mid_rotate": "start", "mid_reexec": "reexec"}.get(point, "restart")
    name = {"mid_rotate": ["turning"], "mid_reexec": []}.get(point, ["victim"])
    with stack.command(word, *name) as client:
        client.communicate(timeout=SOON)


def arm(stack: Stack, point: str) -> int:
    """Let another supervisor come that dies at the point; return its pid."""
    brain = stack.brain
    note(stack, point).unlink()
    kill(brain)
    return begun(stack, brain)


def converges(stack: Stack, point: str, pids: dict[str, int], *writers: str) -> None:
    """Wait until all is as it would have been, and count what is not, and the lines of these writers."""
    state = "stopped" if point == "mid_stop" else "ready"

    def as_it_should_be() -> bool:
        return settled(stack) == SETTLED and stack.rows()["victim"]["state"] == state

    eventually(lambda: stands(stack, known=0)() and as_it_should_be(), within=SOON)
    assert (stack.notes / "ran").read_text() == "ran\n"
    # A restart that was asked for was done, and once.
    assert len(written(stack.notes, "victim")) == (2 if point.startswith("after") else 1)
    rows = stack.pids()
    changed = sum(rows[name] != pids[name] for name in ("keeps", "needs"))
    doubles, restarts = stack.doubles(), stack.restarts()
    running = {instance.split("/")[1] for instance in stack.processes().values()}
    assert running == set(rows)
    stack.down()
    logs = pathlib.Path(stack.place.logs)
    found = stack.tally(*writers) + tally(logs, stack.notes, "needs", stream=".err")
    tell(f"killed {point}", f"1, {found.lines:,} lines", lost=found.lost, doubled=found.doubled, torn=found.torn,
         pids_changed=changed, double_starts=doubles, restarts=restarts)  # fmt: skip


def test_the_next_supervisor_goes_on_by_itself(doomed: Stack, point: str) -> None:
    pids = doomed.pids()
    brain = arm(doomed, point)
    if point != "mid_adopt":
        eventually(stands(doomed, known=0), within=SOON)
        provoke(doomed, point)
    eventually(note(doomed, point).exists, within=SOON)
    eventually(lambda: not lives(brain), within=SOON)
    converges(doomed, point, pids, *WRITERS)


def test_the_next_up_goes_on_when_the_guardian_dies_too(doomed: Stack, point: str) -> None:
    pids = doomed.pids()
    if point == "mid_adopt":
        guardian, brain = doomed.guardian, doomed.brain
        assert guardian is not None
        note(doomed, point).unlink()
        end([guardian, brain])
        doomed.up(None, "--no-wait", "keeps", code=1)  # it dies of the point
    else:
        brain = arm(doomed, point)
        eventually(stands(doomed, known=0), within=SOON)
        die_together(doomed, point, brain)
    assert note(doomed, point).exists()
    doomed.up(None, "--no-wait", "keeps")
    if point.startswith("after"):
        doomed.mamctl("wait", "victim")
    # The last words of one that ended while both were dead were in its pipe, and nobody had that.
    heard = [name for name in WRITERS if (name, point) != ("victim", "mid_stop")]
    converges(doomed, point, pids, *heard)


def die_together(stack: Stack, point: str, brain: int) -> None:
    """Let the supervisor die at the point, and its guardian before it notices."""
    guardian = stack.guardian
    assert guardian is not None
    if point != "mid_reexec":  # which the guardian has a part in
        os.kill(guardian, signal.SIGSTOP)
    word = {"mid_stop": "stop", "mid_rotate": "start", "mid_reexec": "reexec"}.get(point, "restart")
    name = {"mid_rotate": ["turning"], "mid_reexec": []}.get(point, ["victim"])
    with stack.command(word, *name) as client:
        eventually(lambda: not lives(brain), within=SOON)
        end(stack.keepers())
        client.kill()
        client.communicate()


@pytest.mark.parametrize("both", [False, True])
def test_a_down_that_was_under_way_is_brought_to_its_end(stack: Stack, both: bool) -> None:
    deaf = "trap '' TERM; echo deaf; while :; do sleep 0.05; done"
    slow = {"command": ["sh", "-c", deaf], "ready": {"log": "deaf"}, "stop": {"grace": "1s"}}
    stack.up({"slow": slow, "first": {**slow, "depends_on": ["slow"]}, "other": {"command": IDLE}})
    guardian, brain = stack.guardian, stack.brain
    assert guardian is not None
    with stack.command("down") as client:
        eventually(lambda: stack.rows()["first"]["state"] == "stopping", within=SOON)
        end([guardian, brain] if both else [brain])
        out, err = client.communicate(timeout=SOON)
    if both:
        stack.mamctl("down")
    else:
        assert client.returncode == 0, out + err
    assert stack.processes() == {}
    eventually(lambda: stack.keepers() == [], within=SOON)


@pytest.mark.parametrize("both", [False, True])
def test_a_stack_whose_manifest_was_deleted_can_be_stopped(stack: Stack, both: bool) -> None:
    stack.up({"first": {"command": IDLE}, "second": {"command": IDLE, "depends_on": ["first"]}})
    pathlib.Path(stack.place.manifest).unlink()
    assert set(stack.rows()) == {"first", "second"}
    if both:
        end(stack.keepers())
    stack.mamctl("down")
    assert stack.processes() == {}
    eventually(lambda: stack.keepers() == [], within=SOON)
