"""What users do to a log while it is written, and what a service does to its own output."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.faults.figures import tell
from tests.faults.rounds import rounds
from tests.faults.tally import LINE, Tally, written
from tests.scripted import eventually

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

    from tests.faults.stack import Stack


def truncate(path: pathlib.Path) -> None:
    os.truncate(path, 0)


HEAD = 4096
DAMAGE: dict[str, Callable[[pathlib.Path], None]] = {
    "truncated": truncate,
    "removed": os.unlink,
    "renamed": lambda path: path.rename(path.with_suffix(".away")),
}


def grown(stack: Stack, name: str, beyond: int) -> None:
    """Wait until the writer has written more, and some of it is in the log."""
    eventually(lambda: sum(written(stack.notes, name).values()) > beyond, within=10)
    eventually(lambda: stack.log(name).exists() and stack.log(name).stat().st_size > 0, within=10)


@rounds(30, 1000)
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_log_that_is_changed_while_it_is_written_goes_on_whole(stack: Stack, damage: str, rounds: int) -> None:
    stack.up({"a": stack.writer(logs={"max_size": "1GB"})})
    [incarnation] = begun(stack, "a")
    found = Tally()
    for _ in range(rounds):
        DAMAGE[damage](stack.log("a"))
        first = written(stack.notes, "a")[incarnation]
        grown(stack, "a", first + 500)
        head = stack.log("a").read_bytes()[:HEAD]
        found.nuls += head.count(b"\0")
        found.lost += max(0, number_in(head) - first - 1)
    stack.mamctl("stop", "a")
    found += stack.tally("a", cut=True)
    counted = {"lost": found.lost, "doubled": found.doubled, "torn": found.torn, "NULs": found.nuls}
    tell(f"log {damage} under a flood of lines", f"{rounds}", **counted)


def number_in(head: bytes) -> int:
    """Return the number of the first whole line: a line that the user cut is none of ours."""
    return int(next(found["number"] for line in head.split(b"\n") if (found := LINE.fullmatch(line))))


def begun(stack: Stack, name: str) -> list[int]:
    eventually(lambda: sum(written(stack.notes, name).values()) > 1000, within=10)
    return list(written(stack.notes, name))


@rounds(3, 40)
def test_a_service_that_left_its_output_non_blocking_harms_no_successor(stack: Stack, rounds: int) -> None:
    names = [f"s{number}" for number in range(rounds)]
    tainted = stack.writer("--lines", 20_000, "--taint", restart={"delay": "10ms"}, logs={"max_size": "1GB"})
    stack.up(dict.fromkeys(names, tainted))
    eventually(lambda: all(sum(written(stack.notes, name).values()) == 20_000 for name in names), within=60)
    assert stack.restarts() == rounds
    stack.down()
    found = stack.tally(*names)
    assert found.lines == 20_000 * rounds
    tell("service leaves O_NONBLOCK on its stdout", f"{rounds}", lost_by_its_successor=found.lost, torn=found.torn)
