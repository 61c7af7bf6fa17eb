"""The disk is full, the descriptors are used up, no process can be made: the supervisor lives, says so, and goes on."""

from __future__ import annotations

import contextlib
import os
import pathlib
import resource
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.figures import tell
from tests.faults.ordinary import SMALL_DISK
from tests.faults.rounds import rounds
from tests.faults.stack import Stack, stacked
from tests.scripted import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHORT = {"delay": "300ms", "factor": 1, "max_attempts": None}


@pytest.fixture
def small_disk(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A folder with 1 MiB of space."""
    if SMALL_DISK in os.environ:
        yield pathlib.Path(os.environ[SMALL_DISK]) / tmp_path.name
        return
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "small", disk], check=False, capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"a small disk can be mounted only by root with the right to mount: {made.stderr.strip()}")
    try:
        yield disk / "stack"
    finally:
        subprocess.run(["umount", disk], check=True)


@rounds(1, 10)
def test_a_full_disk_ends_neither_the_supervisor_nor_a_service(small_disk: pathlib.Path, rounds: int) -> None:
    with stacked(small_disk) as stack:
        stack.up({"a": stack.writer("--rate", 200), "b": stack.writer("--lines", 5)})
        before, brain = stack.pids(), stack.brain
        for _ in range(rounds):
            fill_and_free(stack)
        died, changed = brain != stack.brain, stack.pids() != before
        stack.mamctl("restart", "b")
        stack.down()
        found = stack.tally("a")
        tell("full disk (ENOSPC)", f"{rounds}", supervisors_died=int(died), services_restarted=int(changed),
             torn=found.torn, doubled=found.doubled, lost_without_a_word=abs(found.lost - found.dropped))  # fmt: skip


def fill_and_free(stack: Stack) -> None:
    """Fill the disk until the supervisor says that output is dropped, and free it until it says that it is stored."""
    ballast, after = stack.folder / "ballast", newest(stack)
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(512))
    eventually(lambda: said(stack, after, "dropped so far"), within=20)
    ballast.unlink()
    eventually(lambda: said(stack, after, "written again"), within=20)


def newest(stack: Stack) -> int:
    """Return the number of the newest event."""
    return max(event["seq"] for event in events(stack, 0))


def events(stack: Stack, after: int) -> list[dict[str, Any]]:
    """Return what happened after an event, as the supervisor tells it: its file may be full."""
    found: list[dict[str, Any]] = stack.client.request("GET", f"/v1/events?since={after}")["events"]
    return found


def said(stack: Stack, after: int, words: str) -> bool:
    """Tell whether an event after that one says so."""
    return any(words in str(event["data"].get("detail")) for event in events(stack, after))


@rounds(1, 20)
def test_without_descriptors_the_supervisor_goes_on_and_says_so(stack: Stack, rounds: int) -> None:
    stack.up({name: stack.writer("--lines", 5, restart=SHORT) for name in ("a", "b")})
    brain = stack.brain
    for _ in range(rounds):
        before = stack.pids()
        # Used up while a dead service is cleaned up after, then while the next is to be started.
        with descriptorless(stack, brain):
            os.kill(before["a"], signal.SIGKILL)
        eventually(lambda: stack.rows()["a"]["state"] == "backoff", within=20)
        with descriptorless(stack, brain):
            pass
        eventually(lambda before=before: stack.pids().get("a") not in (None, before["a"]), within=20)
        assert stack.pids()["b"] == before["b"]
        eventually(lambda: not unready(stack), within=10)
    tell("no descriptors left (EMFILE)", f"{2 * rounds}", supervisors_died=int(stack.owners() != [brain]),
         double_starts=stack.doubles(), not_ready_afterwards=unready(stack))  # fmt: skip


@contextlib.contextmanager
def descriptorless(stack: Stack, brain: int) -> Iterator[None]:
    """Leave the supervisor no descriptor, until it has said so in its log once more."""
    words = "too many open files"
    before = stack.said().lower().count(words)
    limits = resource.prlimit(brain, resource.RLIMIT_NOFILE)
    resource.prlimit(brain, resource.RLIMIT_NOFILE, (5, limits[1]))
    try:
        yield
        eventually(lambda: stack.said().lower().count(words) > before, within=20)
    finally:
        resource.prlimit(brain, resource.RLIMIT_NOFILE, limits)


def unready(stack: Stack) -> int:
    return sum(row["state"] != "ready" for row in stack.rows().values())


@pytest.fixture
def forkless(stack: Stack) -> Iterator[Callable[[bool], None]]:
    """Let the supervisor make no process (True), or as many as it likes."""
    if os.geteuid():
        yield lambda on: by_limit(stack.brain, on=on)
        return
    group = pathlib.Path(f"/sys/fs/cgroup/pids/{stack.name}")
    if not group.parent.joinpath("cgroup.procs").exists():
        pytest.skip("root is bound by no limit of processes but a control group's, and there is no pids group here")
    group.mkdir()
    yield lambda on: by_group(group, stack.brain, on=on)
    end_group(group)


def by_limit(brain: int, *, on: bool) -> None:
    hard = resource.prlimit(brain, resource.RLIMIT_NPROC)[1]
    resource.prlimit(brain, resource.RLIMIT_NPROC, (1 if on else hard, hard))


def by_group(group: pathlib.Path, brain: int, *, on: bool) -> None:
    group.joinpath("pids.max").write_text("1" if on else "max")
    group.joinpath("cgroup.procs").write_text(str(brain))


def end_group(group: pathlib.Path) -> None:
    for pid in group.joinpath("cgroup.procs").read_text().split():
        group.parent.joinpath("cgroup.procs").write_text(pid)
    group.rmdir()


@rounds(1, 20)
def test_when_no_process_can_be_made_the_supervisor_tries_again(
    stack: Stack, forkless: Callable[[bool], None], rounds: int
) -> None:
    stack.up({name: stack.writer("--lines", 5, restart=SHORT) for name in ("a", "b")})
    brain = stack.brain
    for _ in range(rounds):
        after, before = newest(stack), stack.pids()
        forkless(True)
        os.kill(before["a"], signal.SIGKILL)
        eventually(lambda after=after: said(stack, after, "temporarily unavailable"), within=20)
        forkless(False)
        eventually(lambda before=before: stack.pids().get("a") not in (None, before["a"]), within=20)
        assert stack.pids()["b"] == before["b"]
        eventually(lambda: not unready(stack), within=10)
    tell("no process can be made (EAGAIN)", f"{rounds}", supervisors_died=int(stack.owners() != [brain]),
         double_starts=stack.doubles(), not_ready_afterwards=unready(stack))  # fmt: skip
