"""A journal that is cut anywhere, or in which bits flipped: nobody crashes over it, and no stranger is harmed."""

from __future__ import annotations

import contextlib
import os
import pathlib
import random
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mamctl.runtime.journal import previous_ports, read_journal
from mamctl.runtime.legacy import Legacy
from mamctl.runtime.orphans import find_orphans
from mamctl.runtime.processes.pinned import unpin
from tests.faults.figures import tell
from tests.faults.rounds import rounds
from tests.faults.stack import Stack, end, stacked
from tests.runtime.stack import lives

if TYPE_CHECKING:
    from collections.abc import Iterator

BIT_FLIPS = st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 7)), min_size=1, max_size=12)


def flipped(data: bytes, bits: list[tuple[int, int]]) -> bytes:
    """Return the data with some bits flipped."""
    changed = bytearray(data)
    for place, bit in bits:
        changed[place % len(changed)] ^= 1 << bit
    return bytes(changed)


@contextlib.contextmanager
def lost_supervisor(folder: pathlib.Path) -> Iterator[tuple[Stack, bytes]]:
    """Give a stack whose supervisor, and guardian, were killed with -9, and its journal; its services live."""
    with stacked(folder) as stack:
        stack.up({name: stack.writer("--lines", 5, restart={"delay": "10ms"}) for name in ("a", "b", "c")})
        kill_keepers(stack)
        yield stack, pathlib.Path(stack.place.journal).read_bytes()


def kill_keepers(stack: Stack) -> None:
    """Kill supervisor and guardian in one moment: neither can start the other anew."""
    while keepers := stack.keepers():
        end(keepers)


def wrongly_named(journal: str, ours: dict[int, str]) -> int:
    """Read a journal as the next supervisor does; count the strangers that it would adopt or end."""
    leaders = list(Legacy(journal).leaders.values())
    for leader in leaders:
        unpin(leader.pidfd)
    return sum(found.pid not in ours for found in (*leaders, *find_orphans(journal)))


@pytest.mark.parametrize("step", [100, pytest.param(1, marks=pytest.mark.torture)])
def test_a_reader_survives_every_cut_and_names_no_stranger(tmp_path: pathlib.Path, step: int) -> None:
    with lost_supervisor(tmp_path / "stack") as (stack, data):
        copy, ours, crashes, wrong = tmp_path / "journal", stack.processes(), 0, 0
        for size in range(len(data) + 1):
            copy.write_bytes(data[:size])
            try:
                read_journal(str(copy))
                previous_ports(str(copy))
                # The process table is looked through at every step of this size only: that is what takes time.
                wrong += 0 if size % step else wrongly_named(str(copy), ours)
            except Exception:  # noqa: BLE001 - any of them is what is counted
                crashes += 1
        tell("journal cut at every byte (reading)", f"{len(data) + 1} cuts", crashes=crashes, strangers_named=wrong)


@rounds(15, 2000)
def test_a_reader_survives_flipped_bits_and_names_no_stranger(tmp_path: pathlib.Path, rounds: int) -> None:
    with lost_supervisor(tmp_path / "stack") as (stack, data):
        copy, ours, wrong = tmp_path / "journal", stack.processes(), []

        @given(BIT_FLIPS)
        @settings(max_examples=rounds, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        def read(bits: list[tuple[int, int]]) -> None:
            copy.write_bytes(flipped(data, bits))
            wrong.append(wrongly_named(str(copy), ours))

        read()
        tell("journal with flipped bits (reading)", f"{rounds}", crashes=0, strangers_named=sum(wrong))


@contextlib.contextmanager
def bystanders(count: int, environ: dict[str, str]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Give processes that look much like ours, and are none."""
    started = [subprocess.Popen(["sleep", "1000"], env=environ, start_new_session=True) for _ in range(count)]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


@rounds(2, 150)
def test_the_next_up_manages_with_a_damaged_journal_and_kills_no_stranger(tmp_path: pathlib.Path, rounds: int) -> None:
    luck = random.Random(rounds)
    crashes = killed = doubles = 0
    with stacked(tmp_path / "stack") as stack:
        services = {name: stack.writer("--lines", 5, restart={"delay": "10ms"}) for name in ("a", "b")}
        other = {**os.environ, "MAMCTL_PROJECT": stack.name + "x", "MAMCTL_INSTANCE": f"{stack.name}x/a/0123456789ab"}
        with bystanders(3, other) as strangers:
            for number in range(rounds):
                stack.up(services)
                kill_keepers(stack)
                damage(pathlib.Path(stack.place.journal), luck, cut=number % 2 == 0)
                crashes += "ready" not in stack.mamctl("up", "-d", code=None)
                doubles += stack.doubles()
                stack.down()
                end(list(stack.processes()))
            killed = sum(not lives(stranger.pid) for stranger in strangers)
    tell(
        "journal cut or with flipped bits, then `up`",
        f"{rounds}",
        crashes=crashes,
        strangers_killed=killed,
        doubles=doubles,
    )


def damage(journal: pathlib.Path, luck: random.Random, *, cut: bool) -> None:
    """Cut a journal somewhere, or flip some of its bits."""
    data = journal.read_bytes()
    if cut:
        journal.write_bytes(data[: luck.randrange(len(data))])
        return
    journal.write_bytes(flipped(data, [(luck.randrange(len(data)), luck.randrange(8)) for _ in range(5)]))
