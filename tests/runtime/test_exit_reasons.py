"""Why a service ended: each end of a real process is told by its reason, in a sentence that people like."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.core.events import Shortage
from mamctl.runtime import cgroups
from mamctl.runtime.cgroups import Group
from mamctl.runtime.incarnation import Ended
from mamctl.runtime.oom import OomCount
from tests.runtime.stack import Stack, row, run, service, until
from tests.scripted import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mamctl import ProcessManager

V1_MEMORY = "/sys/fs/cgroup/memory"
NO_MEMORY_GROUP = "no memory control group can be made here (it needs root and the memory controller, v1)"
# Ten times what the group may have: if it is in no group by mistake, that must not hurt the machine.
EAT = "eaten = [bytearray(b'x') * 10**6 for _ in range(400)]"
ONCE = {"restart": "never"}


# The kernel's count ------------------------------------------------------------------------------------------------


def test_each_kill_of_the_kernel_explains_one_end(tmp_path: pathlib.Path) -> None:
    vmstat = tmp_path / "vmstat"
    vmstat.write_text("pgfault 9\noom_kill 5\n")
    count = OomCount(str(vmstat))
    assert not count.claim()
    vmstat.write_text("pgfault 9\noom_kill 7\n")
    assert [count.claim() for _ in range(3)] == [True, True, False]


def test_a_kill_from_long_ago_explains_nothing(tmp_path: pathlib.Path) -> None:
    vmstat = tmp_path / "vmstat"
    vmstat.write_text("oom_kill 5\n")
    count = OomCount(str(vmstat))
    vmstat.write_text("oom_kill 6\n")
    count.tick()
    count.tick()
    assert not count.claim()
    vmstat.write_text("oom_kill 7\n")
    count.tick()
    assert count.claim()
    count.tick()
    assert not count.claim()


@pytest.mark.parametrize("text", [None, "", "pgfault 1\n", "not_oom_kill 3\n"])
def test_where_the_kernel_does_not_count_nothing_is_explained(tmp_path: pathlib.Path, text: str | None) -> None:
    vmstat = tmp_path / "vmstat"
    if text is not None:
        vmstat.write_text(text)
    assert not OomCount(str(vmstat)).claim()


# Real ends ---------------------------------------------------------------------------------------------------------


def ended(tmp_path: pathlib.Path, keys: dict[str, Any], kill: int | None = None) -> dict[str, Any]:
    """Run one service until it has failed; return its row. `kill`: somebody sends it this signal."""
    found: dict[str, Any] = {}

    async def scenario() -> None:
        async with Stack(tmp_path, {"web": {**keys, **ONCE}}).managed() as manager:
            await manager.up(wait=5)
            if kill is not None:
                os.kill(row(manager, "web")["pid"], kill)
            await until(manager, lambda: row(manager, "web")["state"] == "failed")
            found.update(row(manager, "web"))

    run(scenario())
    return found


@pytest.mark.parametrize(
    ("keys", "kill", "reason", "detail"),
    [
        (service("--exit", 3), None, "exited", "ended with code 3"),
        (service("--exit", 78), None, "config_error", "ended with code 78: it says its configuration is wrong"),
        ({"command": ["sh", "-c", "kill -SEGV $$$$"]}, None, "killed", "was killed by signal 11 (SEGV)"),
        (service(), signal.SIGKILL, "killed", "was killed by signal 9 (KILL)"),
        ({"command": "sleep 1000; exit 137", "shell": True}, signal.SIGKILL, "killed", "was killed by signal 9 (KILL)"),
        ({"command": ["sh", "-c", "exit 137"]}, None, "exited", "ended with code 137"),
        (service(start_timeout="50ms", ready={"exec": ["false"]}), None, "start_timeout", "not ready after 0.05 s"),
    ],
)
def test_each_end_has_its_reason(
    tmp_path: pathlib.Path, keys: dict[str, Any], kill: int | None, reason: str, detail: str
) -> None:
    found = ended(tmp_path, keys, kill)
    assert found["reason"] == reason
    assert found["detail"].startswith(detail)


def test_a_kill_of_ours_is_the_operators_stop_and_no_strangers_kill(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        stubborn = service("--touch", tmp_path / "up", "--ignore-term", stop={"grace": "50ms"})
        async with Stack(tmp_path, {"web": stubborn}).managed() as manager:
            await manager.up()
            await until(manager, (tmp_path / "up").exists)
            await until(manager, lambda: ignores_term(row(manager, "web")["pid"]))
            await manager.stop("web")
            found = row(manager, "web")
            assert (found["state"], found["reason"], found["exit_signal"]) == ("stopped", "by_operator", 9)

    run(scenario())


def ignores_term(pid: int) -> bool:
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    ignored = next(int(line.split()[1], 16) for line in lines if line.startswith("SigIgn"))
    return bool(ignored >> (signal.SIGTERM - 1) & 1)


def test_a_kill_of_ours_takes_no_kill_of_the_kernel_to_explain_it(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with Stack(tmp_path, {"web": service()}).managed() as manager:
            await manager.up()
            found = manager.hands.alive["web"]
            contained = manager.hands.incarnations.containment
            vmstat = tmp_path / "vmstat"
            vmstat.write_text("oom_kill 0\n")
            contained._oom = OomCount(str(vmstat))
            vmstat.write_text("oom_kill 1\n")
            found.killed = True
            assert contained.shortage(found, Ended(None, signal.SIGKILL)) is None
            found.killed = False
            assert contained.shortage(found, Ended(1, None)) is None
            assert contained.shortage(found, Ended(None, signal.SIGSEGV)) is None
            assert contained.shortage(found, Ended(None, signal.SIGKILL)) is Shortage.MACHINE
            assert contained.shortage(found, Ended(None, signal.SIGKILL)) is None

    run(scenario())


def test_the_count_of_its_own_group_tells_more_than_that_of_the_machine(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with Stack(tmp_path, {"web": service()}).managed() as manager:
            await manager.up()
            found = manager.hands.alive["web"]
            (tmp_path / "memory.events").write_text("oom 1\noom_kill 1\n")
            found.control = Group(str(tmp_path), limited=True)
            contained = manager.hands.incarnations.containment
            assert contained.shortage(found, Ended(None, signal.SIGKILL)) is Shortage.LIMIT
            found.control = None

    run(scenario())


# The kernel kills for want of memory -------------------------------------------------------------------------------


@pytest.fixture
def small() -> Iterator[str]:
    """A memory control group of 40 MB, v1; who is in it is killed by the kernel when it needs more."""
    inside = next((line.split(":", 2)[2].strip() for line in open_text("/proc/self/cgroup") if ":memory:" in line), "")
    folder = f"{V1_MEMORY}{inside}/mamctl-test-{os.getpid()}"
    try:
        os.mkdir(folder)
    except OSError as error:
        pytest.skip(f"{NO_MEMORY_GROUP}: {error}")
    try:
        cgroups._write(f"{folder}/memory.limit_in_bytes", str(40 * 10**6))
        with contextlib.suppress(OSError):  # where swap is counted, it must not help out
            cgroups._write(f"{folder}/memory.memsw.limit_in_bytes", str(40 * 10**6))
        yield folder
    finally:
        eventually(lambda: removed(folder))


def open_text(path: str) -> list[str]:
    try:
        return pathlib.Path(path).read_text().splitlines()
    except OSError:
        return []


def removed(folder: str) -> bool:
    try:
        os.rmdir(folder)
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("eat", "detail"),
    [
        ('exec "$@"', "was killed by the kernel: out of memory"),
        ('"$@"; exit $$?', "ended with code 137: its process was killed by the kernel: out of memory"),
    ],
)
def test_out_of_memory_is_told_from_a_kill(tmp_path: pathlib.Path, small: str, eat: str, detail: str) -> None:
    command = ["sh", "-c", f"echo $$$$ > {small}/cgroup.procs; {eat}", "sh", sys.executable, "-IS", "-c", EAT]
    found = ended(tmp_path, {"command": command})
    assert (found["reason"], found["detail"]) == ("oom", detail)


def test_a_stranger_who_kills_after_the_kernel_did_is_not_mistaken_for_it(tmp_path: pathlib.Path, small: str) -> None:
    command = ["sh", "-c", f'echo $$$$ > {small}/cgroup.procs; exec "$@"', "sh", sys.executable, "-IS", "-c", EAT]
    services = {"eater": {"command": command, **ONCE}, "web": {**service(), **ONCE}}

    async def scenario() -> None:
        async with Stack(tmp_path, services).managed() as manager:
            await manager.up()
            await until(manager, lambda: row(manager, "eater")["state"] == "failed")
            assert row(manager, "eater")["reason"] == "oom"
            await killed(manager)

    async def killed(manager: ProcessManager) -> None:
        os.kill(row(manager, "web")["pid"], signal.SIGKILL)
        await until(manager, lambda: row(manager, "web")["state"] == "failed")
        assert row(manager, "web")["reason"] == "killed"

    run(scenario())
