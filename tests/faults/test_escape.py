"""Whole trees that leave their session and their group, and one that never stands still: nobody is left."""

from __future__ import annotations

import os
import pathlib
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.figures import tell
from tests.faults.rounds import rounds
from tests.faults.stack import MISBEHAVE
from tests.runtime.stack import lives
from tests.scripted import eventually

if TYPE_CHECKING:
    from tests.faults.stack import Stack

ESCAPEES = str(pathlib.Path(__file__).parent.parent / "escapees.py")
GRACE = {"stop": {"grace": "300ms"}}


def tree(stack: Stack, size: int, *switches: str) -> dict[str, Any]:
    """Return a service of so many processes, and where they write their pids."""
    command = [sys.executable, "-IS", ESCAPEES, str(size), str(stack.notes / "pids"), *switches]
    return {"a": {"command": command, **GRACE}}


def noted(stack: Stack) -> list[int]:
    path = stack.notes / "pids"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


@rounds(1, 15)
@pytest.mark.parametrize("deaf", [(), ("--deaf",)], ids=["heeding TERM", "deaf"])
@pytest.mark.parametrize("size", [4, 31, 301])
def test_nobody_of_a_tree_that_escapes_is_left(stack: Stack, size: int, deaf: tuple[str, ...], rounds: int) -> None:
    survivors = 0
    for _ in range(rounds):
        (stack.notes / "pids").unlink(missing_ok=True)
        stack.up(tree(stack, size, *deaf))
        eventually(lambda: len(noted(stack)) == size, within=20)
        stack.down()
        survivors += sum(map(lives, noted(stack)))
    tell(f"tree of {size} escapees{', deaf to TERM' if deaf else ''}", f"{rounds}", survivors=survivors)


@rounds(1, 15)
def test_nobody_of_a_tree_is_left_when_its_leader_is_killed(stack: Stack, rounds: int) -> None:
    survivors = 0
    for _ in range(rounds):
        (stack.notes / "pids").unlink(missing_ok=True)
        services = tree(stack, 31)
        services["a"]["restart"] = "never"
        stack.up(services)
        eventually(lambda: len(noted(stack)) == 31, within=20)
        pids = noted(stack)
        os.kill(stack.pids()["a"], signal.SIGKILL)
        eventually(lambda: stack.rows()["a"]["state"] == "failed", within=20)
        survivors += sum(map(lives, pids))
        stack.down()
    tell("leader of 31 escapees killed", f"{rounds}", survivors=survivors)


@rounds(2, 30)
def test_one_that_forks_and_exits_for_ever_is_caught(stack: Stack, rounds: int) -> None:
    survivors = 0
    command = [sys.executable, "-IS", MISBEHAVE, "--fork-forever"]
    runner = {"command": command, "ready": None, "restart": "never", **GRACE}
    for _ in range(rounds):
        stack.up({"a": runner}, code=None)
        assert stack.keepers()
        stack.down()
        survivors += len(stack.processes())
    tell("fork-runner (a new pid each millisecond)", f"{rounds}", survivors=survivors)
