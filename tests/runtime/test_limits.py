"""Limits of open files, niceness and memory, on real processes."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mamctl.core.manifest.model import Limits
from mamctl.core.states import Reason
from mamctl.runtime import limits, memory
from mamctl.runtime.launcher import LaunchError
from mamctl.runtime.memory import MemoryWatch, proportional, resident
from mamctl.runtime.processes import PAGE, descendants
from tests.runtime.contained import born, die
from tests.runtime.stack import Stack, row, run, service, until
from tests.scripted import eventually

if TYPE_CHECKING:
    import pathlib

    from mamctl.runtime.incarnation import Incarnation

MB = 10**6
# Takes megabytes, says so, and waits.
EAT = "import sys, time; eaten = b'x' * (int(sys.argv[1]) * 10**6); print('full', flush=True); time.sleep(1000)"
# Eats, then forks children that share all of it.
SHARE = EAT.replace("print", "os.fork(), os.fork(); print").replace("import", "import os,")


def eating(megabytes: int) -> list[str]:
    return [sys.executable, "-IS", "-c", EAT, str(megabytes)]


# Before the start -------------------------------------------------------------------------------------------------


def test_limits_that_may_be_set_are_admitted_and_change_nothing_of_ours() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE), os.getpriority(os.PRIO_PROCESS, 0)
    limits.admit(Limits())
    limits.admit(Limits(open_files=100, nice=19))
    assert (resource.getrlimit(resource.RLIMIT_NOFILE), os.getpriority(os.PRIO_PROCESS, 0)) == before


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        (Limits(nice=-5), "limits.nice: -5 needs the right to go before others"),
        (Limits(open_files=2**30), "limits.open_files: 1073741824 is more than the system allows us"),
    ],
)
def test_what_may_not_be_set_is_a_failed_start_that_says_why(
    monkeypatch: pytest.MonkeyPatch, wish: Limits, says: str
) -> None:
    def refuse(*_args: object) -> None:
        raise PermissionError(1, "refused")

    monkeypatch.setattr(os, "setpriority", refuse)
    monkeypatch.setattr(resource, "setrlimit", refuse)
    with pytest.raises(LaunchError) as caught:
        limits.admit(wish)
    assert caught.value.detail.startswith(says)
    assert (caught.value.reason, caught.value.final) == (Reason.SPAWN_FAILED, True)


def test_an_ordinary_user_is_told_that_he_may_not_go_before_others() -> None:
    """The kernel itself refuses: the same words from a process without the right."""
    script = (
        "import os; os.setuid(65534)\n"
        "from mamctl.core.manifest.model import Limits\n"
        "from mamctl.runtime.limits import admit\n"
        "try: admit(Limits(nice=-1))\n"
        "except Exception as error: print(error.detail)"
    )
    if os.getuid() != 0:
        script = script.replace("os.setuid(65534)", "0")
    # Imported before the change of user, who may not be able to read the interpreter's files.
    lines = script.splitlines()
    script = "\n".join([*lines[1:3], lines[0], *lines[3:]])
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.startswith("limits.nice: -1 needs the right to go before others")


def test_limits_reach_the_process_and_what_it_forks() -> None:
    found = born(["sh", "-c", "read x; sleep 1000 & exec sleep 1000"])
    limits.apply(Limits(open_files=77, nice=7), found.pid)
    assert resource.prlimit(found.pid, resource.RLIMIT_NOFILE) == (77, 77)
    assert os.getpriority(os.PRIO_PROCESS, found.pid) == 7
    die(found)
    limits.apply(Limits(open_files=77, nice=7), found.pid)  # it is gone: nothing to limit


# Memory -----------------------------------------------------------------------------------------------------------


def full(argv: list[str]) -> subprocess.Popen[bytes]:
    eater = subprocess.Popen(argv, stdout=subprocess.PIPE)
    assert eater.stdout is not None
    eater.stdout.readline()
    return eater


def test_memory_is_counted_as_the_kernel_does() -> None:
    with full(eating(40)) as eater:
        assert 40 * MB < resident([eater.pid]) < 80 * MB
        assert 40 * MB < proportional([eater.pid]) <= resident([eater.pid]) + PAGE
        eater.kill()
    assert resident([eater.pid]) == proportional([eater.pid]) == 0


def test_what_processes_share_is_counted_once_among_them() -> None:
    with full([sys.executable, "-IS", "-c", SHARE, "50"]) as eater:
        eventually(lambda: len(descendants(eater.pid)) == 3)
        family = [eater.pid, *descendants(eater.pid)]
        assert resident(family) > 4 * 50 * MB
        assert proportional(family) < 2 * 50 * MB
        for pid in reversed(family):
            os.kill(pid, 9)


class Watched:
    """A watch over one incarnation; `over` is what it told."""

    def __init__(self, found: Incarnation, limit: int) -> None:
        object.__setattr__(found.spec, "limits", Limits(memory=limit))
        self.found = found
        self.alive = [found]
        self.over: list[int] = []
        self.looks = 0

    def family(self, found: Incarnation) -> list[int]:
        self.looks += 1
        return [found.pid]

    async def run(self, done: str) -> None:
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            loop = asyncio.get_running_loop()
            watch = MemoryWatch(
                loop,
                group,
                alive=lambda: self.alive,
                family=self.family,
                over=lambda _found, used: self.over.append(used),
            )
            watch.wake()
            while not getattr(self, done):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.005)
            watch.close()


def test_who_uses_more_than_its_limit_is_told_once_counted_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SECONDS", 0.01)
    found = born(eating(40))
    watched = Watched(found, 30 * MB)
    asyncio.run(watched.run("over"))
    die(found)
    assert watched.over[0] > 30 * MB


def test_who_only_seems_to_use_more_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SECONDS", 0.01)
    monkeypatch.setattr(memory, "SHARE", 1e-9)
    monkeypatch.setattr(memory, "resident", lambda pids: 10**12)
    counted: list[object] = []
    monkeypatch.setattr(memory, "proportional", lambda pids: counted.append(pids) or 1)
    found = born(["sleep", "1000"])
    watched = Watched(found, 30 * MB)

    async def scenario() -> None:
        watching = asyncio.create_task(watched.run("over"))
        await asyncio.to_thread(eventually, lambda: watched.looks > 3)
        watching.cancel()
        await asyncio.wait([watching])

    asyncio.run(scenario())
    die(found)
    assert watched.over == []
    assert len(counted) == 1, "it costs much, so it rests after it"


def test_without_a_limit_nobody_is_looked_at() -> None:
    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            watch = MemoryWatch(
                asyncio.get_running_loop(), group, alive=list, family=lambda _found: [], over=lambda _found, _used: None
            )
            watch.wake()
            assert watch._timer is None
            watch.close()

    asyncio.run(scenario())


# Whole services ---------------------------------------------------------------------------------------------------


def test_a_service_that_eats_more_than_its_limit_is_restarted_and_told_with_both_figures(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "SECONDS", 0.05)
    eater = {"command": eating(60), "limits": {"memory": "30MB"}, "restart": {"max_attempts": 1, "delay": "10ms"}}

    async def scenario() -> None:
        async with Stack(tmp_path, {"eater": eater, "other": service()}).managed() as manager:
            await manager.up()
            await until(manager, lambda: row(manager, "eater")["state"] == "failed")
            found = row(manager, "eater")
            assert found["restarts"] == 1
            assert found["reason"] == "gave_up"
            assert found["detail"].startswith("used ")
            assert "of memory, more than its limit of 30 MB; gave up" in found["detail"]
            backoff = next(event for event in manager.history.since(0, 100) if event["type"] == "backoff")
            assert backoff["data"]["reason"] == "memory_limit"
            assert row(manager, "other")["state"] == "ready"

    run(scenario())


def test_what_its_children_eat_counts_too(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SECONDS", 0.05)
    command = ["sh", "-c", '(setsid "$@" &) ; exec sleep 1000', "sh", *eating(60)]
    eater = {"command": command, "limits": {"memory": "30MB"}, "restart": "never"}

    async def scenario() -> None:
        async with Stack(tmp_path, {"eater": eater}).managed() as manager:
            await manager.up()
            await until(manager, lambda: row(manager, "eater")["state"] == "failed")
            assert row(manager, "eater")["reason"] == "memory_limit"

    run(scenario())


def test_a_limit_that_may_not_be_set_fails_at_once_and_says_so(tmp_path: pathlib.Path) -> None:
    greedy = {"command": ["sleep", "1000"], "limits": {"open_files": 2**30}}

    async def scenario() -> None:
        async with Stack(tmp_path, {"greedy": greedy}).managed() as manager:
            report = await manager.up()
            assert [failure["reason"] for failure in report["failed"]] == ["spawn_failed"]
            assert "limits.open_files: 1073741824 is more than" in row(manager, "greedy")["detail"]

    run(scenario())
