"""What an older kernel, another system or a container does not have: without it the promises are the same."""

from __future__ import annotations

import os
import pathlib
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.figures import tell
from tests.faults.rounds import rounds
from tests.faults.stack import MISBEHAVE, Stack, stacked
from tests.faults.tally import written
from tests.runtime.stack import lives
from tests.scripted import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

ESCAPEES = str(pathlib.Path(__file__).parent.parent / "escapees.py")
WAYS = ("pidfd", "cgroup", "splice", "inotify", "netlink", "pidfd,cgroup,netlink")
LINES = 20_000


@pytest.fixture(params=WAYS)
def poorer(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[tuple[str, Stack]]:
    with stacked(tmp_path / "stack", {"MAMCTL_WITHOUT": request.param}) as stack:
        yield request.param, stack


def services(stack: Stack) -> dict[str, Any]:
    """Return one that floods, one that is killed, one that is asked, and one whose children escape."""
    web = [sys.executable, "-IS", MISBEHAVE, "--http", "--port", "${services.web.port}"]
    tree = [sys.executable, "-IS", ESCAPEES, "31", str(stack.notes / "pids"), "--deaf"]
    return {
        "flood": stack.writer("--lines", LINES),
        "victim": stack.writer("--rate", 200, restart={"delay": "10ms", "factor": 1, "max_attempts": None}),
        "web": {"command": web, "port": "auto", "ready": {"http": "/"}},
        "tree": {"command": tree, "stop": {"grace": "300ms"}},
    }


def unready(stack: Stack) -> int:
    """Return how many services are not ready."""
    return sum(row["state"] != "ready" for row in stack.rows().values())


@rounds(1, 20)
def test_without_it_the_promises_are_the_same(poorer: tuple[str, Stack], rounds: int) -> None:
    what, stack = poorer
    stack.up(services(stack))
    for number in range(rounds):
        victim = stack.pids()["victim"]
        os.kill(victim, signal.SIGKILL)
        eventually(lambda victim=victim: stack.pids().get("victim") not in (None, victim), within=10)
        eventually(lambda number=number: stack.rows()["victim"]["restarts"] == number + 1, within=10)
    follower = stack.command("logs", "victim", "-f", "-n", "1")
    with follower:
        assert follower.stdout is not None
        shown = [follower.stdout.readline() for _ in range(3)]
        follower.terminate()
        follower.stdout.read()
    eventually(lambda: sum(written(stack.notes, "flood").values()) == LINES, within=20)
    pids = [int(line) for line in (stack.notes / "pids").read_text().split()]
    # The last restart may have been a moment ago.
    eventually(lambda: not unready(stack), within=10)
    stack.down()
    found = stack.tally("flood", "victim")
    not_followed = sum("victim" not in line for line in shown)
    tell(f"without {what}", f"{rounds}", lines_lost=found.lost, doubled=found.doubled, torn=found.torn,
         survivors=sum(map(lives, pids)), double_starts=stack.doubles(), not_followed=not_followed)  # fmt: skip
