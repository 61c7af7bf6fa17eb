"""The supervisor is replaced by the installed version, again and again: nobody notices; a broken one never rules."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from mamctl.control.client import Client
from mamctl.core.errors import MamctlError
from tests.faults.figures import tell
from tests.faults.rounds import rounds
from tests.faults.stack import stacked
from tests.faults.tally import tally, written
from tests.faults.test_kills import IDLE, SOON
from tests.scripted import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.stack import Stack

PACKAGE = pathlib.Path(__file__).parents[2] / "mamctl"
AT_ONCE = {"policy": "always", "delay": "0s", "max_attempts": None}


@dataclass
class Asked:
    """What a client that asked again and again was told. `longest`: how long it waited for one answer, in seconds."""

    times: int = 0
    longest: float = 0.0
    failures: list[str] = field(default_factory=list)


@contextlib.contextmanager
def asking(ask: Callable[[], None]) -> Iterator[Asked]:
    """Ask in a thread, one question after the other, until the end."""
    asked, over = Asked(), threading.Event()

    def go_on() -> None:
        while not over.is_set():
            began = time.monotonic()
            try:
                ask()
            except (MamctlError, AssertionError, OSError) as error:
                asked.failures.append(repr(error))
            asked.times += 1
            asked.longest = max(asked.longest, time.monotonic() - began)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield asked
    finally:
        over.set()
        thread.join(SOON)


def loaded(stack: Stack, flood: int) -> None:
    """Bring up what writes, what ends all the time, and what is going to be restarted."""
    quiet = {f"quiet{number}": stack.writer("--rate", 200) for number in range(5)}
    stack.up(
        {
            **quiet,
            "split": stack.writer("--both", "--rate", 500, logs={"streams": "split"}),
            "rotating": stack.writer("--rate", 2000, logs={"max_size": "40KB", "keep": 10_000}),
            "flooding": stack.writer("--lines", flood, logs={"max_size": "20MB", "keep": 1000}),
            "ends": {"command": ["sh", "-c", "sleep 0.1; exit 7"], "ready": None, "restart": AT_ONCE},
            "asked": stack.writer("--rate", 200),
        },
        "--no-wait",
    )
    stack.mamctl("wait", "asked", "split", "rotating")


@rounds(4, 50)
def test_a_supervisor_that_is_replaced_is_missed_by_nobody(stack: Stack, rounds: int) -> None:
    loaded(stack, 20_000 * rounds)
    pids, brains = stack.pids(), {stack.brain}
    restarts = 0
    client = Client(stack.place.socket, timeout=SOON)
    command = asking(lambda: check(stack.mamctl("status", code=None)))
    with asking(lambda: check(client.request("GET", "/v1/status")["services"])) as got, command as shown:
        for number in range(rounds):
            with stack.command("reexec") as replacing:
                if number % 2:
                    stack.mamctl("restart", "asked")
                    restarts += 1
                said = replacing.communicate(timeout=SOON)
            assert replacing.returncode == 0, said
            brains.add(stack.brain)
    assert len(brains) == rounds + 1
    stack.mamctl("stop", "ends")
    changed = sum(stack.pids()[name] != pid for name, pid in pids.items() if name not in ("ends", "asked"))
    again = len(written(stack.notes, "asked")) - 1
    lost = statuses_lost(stack, "ends")
    doubles = stack.doubles()
    stack.down()
    writers = [name for name in pids if name != "ends"]
    logs = pathlib.Path(stack.place.logs)
    found = stack.tally(*writers) + tally(logs, stack.notes, "split", stream=".err")
    assert got.failures == shown.failures == []
    assert restarts == again
    tell("reexec under load", f"{rounds}, {got.times:,} requests, {found.lines:,} lines", lines_lost=found.lost,
         doubled=found.doubled, torn=found.torn, statuses_lost=lost, pids_changed=changed, double_starts=doubles,
         refused=len(got.failures) + len(shown.failures), changes_not_done_once=abs(restarts - again))  # fmt: skip


def check(answer: object) -> None:
    assert answer
    assert "no supervisor" not in str(answer)


def statuses_lost(stack: Stack, name: str) -> int:
    """Count the incarnations that ended and were not seen to end with the code that they ended with."""
    begun = {event["generation"] for event in stack.events("starting") if event["service"] == name}
    ended = {
        event["generation"]
        for event in stack.events("process-exit")
        if event["service"] == name and event["data"]["exit_code"] == 7
    }
    # The last one was stopped.
    return len(begun - ended - {max(begun)})


# A version that does not work -------------------------------------------------------------------------------------


@pytest.fixture
def upgraded(tmp_path: pathlib.Path) -> Iterator[Stack]:
    """A stack that runs from a copy of the package, which can be changed."""
    shutil.copytree(PACKAGE, tmp_path / "lib/mamctl", ignore=shutil.ignore_patterns("__pycache__"))
    with stacked(tmp_path / "stack", {"PYTHONPATH": str(tmp_path / "lib")}) as found:
        yield found


@pytest.mark.parametrize("module", ["runtime/views.py", "runtime/guardian.py", "core/supervisor.py"])
def test_a_version_that_does_not_start_leaves_the_old_one_running_and_says_so(upgraded: Stack, module: str) -> None:
    upgraded.up({"a": upgraded.writer("--rate", 200), "b": {"command": IDLE}})
    before = (upgraded.pids(), upgraded.brain, upgraded.guardian)
    broken = upgraded.folder.parent / "lib/mamctl" / module
    whole = broken.read_text()
    broken.write_text("this is no Python\n")
    said = upgraded.mamctl("reexec", code=1)
    assert "error: the installed version does not start; this one goes on" in said
    assert (upgraded.pids(), upgraded.brain, upgraded.guardian) == before
    broken.write_text(whole)
    upgraded.mamctl("reexec")
    assert upgraded.pids() == before[0]
    assert upgraded.brain != before[1]
    assert upgraded.guardian == before[2]
    upgraded.down()
    assert upgraded.tally("a").lost == 0


def test_a_manifest_that_became_invalid_leaves_the_old_one_running(stack: Stack) -> None:
    stack.up({"a": {"command": IDLE}})
    before = (stack.pids(), stack.brain)
    whole = stack.manifest.read_text()
    stack.manifest.write_text("services: [")
    assert "this one goes on" in stack.mamctl("reexec", code=1)
    stack.manifest.write_text(whole)
    assert (stack.pids(), stack.brain) == before
    eventually(lambda: len(stack.owners()) == 1)
