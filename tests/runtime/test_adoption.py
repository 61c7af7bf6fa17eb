"""Finding again what an earlier supervisor started: that very process, and never a stranger who has its number."""

from __future__ import annotations

import asyncio
import os
import pathlib
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from mamctl import ProcessManager
from mamctl.runtime.adoption import find_survivors, pinned, unrecorded
from mamctl.runtime.environment import MARKER, new_instance
from mamctl.runtime.eventfile import last_seq
from mamctl.runtime.journal import Journal, read_journal
from mamctl.runtime.legacy import Legacy
from mamctl.runtime.processes import identity
from mamctl.runtime.recollection import Trace
from tests.runtime.stack import Stack, descriptors, lives, row, run, service
from tests.scripted import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = str(pathlib.Path(__file__).parent.parent.parent)
EMBEDS = """
import asyncio, sys
from mamctl import ProcessManager

async def main():
    async with ProcessManager(sys.argv[1], home=sys.argv[2], keeps=sys.argv[3] == "keeps") as manager:
        await manager.up()
        print("up", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start leaders with markers; nothing is left of them."""
    before = descriptors()
    found = []

    def one(marker: str, *, leader: bool = True) -> subprocess.Popen[bytes]:
        env = {**os.environ, MARKER: marker}
        found.append(subprocess.Popen(["/bin/sleep", "1000"], env=env, start_new_session=leader))
        environ = pathlib.Path(f"/proc/{found[-1].pid}/environ")
        # Its descriptors are closed, which is what Popen waits for, a moment before its environment can be read.
        eventually(lambda: identity(found[-1].pid) and marker.encode() in environ.read_bytes())
        return found[-1]

    yield one
    for process in found:
        process.kill()
        process.wait()
    assert descriptors() == before


def trace_of(process: int, **changes: Any) -> Trace:
    who = identity(process)
    assert who is not None
    about = {"instance": "p/web/1", "pid": process, "started": who.started, "inode": who.inode, **changes}
    return Trace("web", 1, **about)


def survivors(*traces: Trace) -> dict[str, int]:
    found = find_survivors(traces)
    for leader in found.values():
        os.close(leader.pidfd)
    return {name: leader.pid for name, leader in found.items()}


def test_one_that_lives_is_known_again(start: Any) -> None:
    process = start("p/web/1")
    assert survivors(trace_of(process.pid)) == {"web": process.pid}


def test_a_zombie_is_somebody_still(start: Any) -> None:
    process = start("p/web/1")
    trace = trace_of(process.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert survivors(trace) == {"web": process.pid}


@pytest.mark.parametrize(
    "changes",
    [
        {"started": 1}, {"inode": 1}, {"instance": "p/web/2"}, {"pid": 1 << 22}, {"pid": -1}, {"pid": 1 << 80},
        {"ended": True},
    ],
    ids=str,
)  # fmt: skip
def test_one_that_has_only_the_number_is_a_stranger(start: Any, changes: dict[str, Any]) -> None:
    process = start("p/web/1")
    assert survivors(trace_of(process.pid, **changes)) == {}


def test_without_a_readable_mark_the_start_time_must_do_and_nothing_less(start: Any) -> None:
    env = {name: value for name, value in os.environ.items() if name != MARKER}
    bare = subprocess.Popen(["/bin/sleep", "1000"], env=env, start_new_session=True)
    try:
        assert survivors(trace_of(bare.pid)) == {"web": bare.pid}
        assert survivors(trace_of(bare.pid, started=0, inode=0)) == {}
    finally:
        bare.kill()
        bare.wait()


def test_one_whose_spawn_was_never_recorded_is_found_by_its_mark_and_not_what_it_forked(start: Any) -> None:
    forked, process = start("p/web/1", leader=False), start("p/web/1")
    assert forked.pid != process.pid
    assert survivors(Trace("web", 1, "p/web/1")) == {"web": process.pid}
    assert survivors(Trace("web", 1, "p/web/2")) == {}


def test_leaders_of_a_home_that_no_record_names_are_found_oldest_first(start: Any, tmp_path: pathlib.Path) -> None:
    home, other = str(tmp_path / "home"), str(tmp_path / "other")
    known, first, second = (new_instance("p", "web", home) for _ in range(3))
    pids = [start(marker).pid for marker in (known, first, new_instance("p", "web", other), second)]
    found = unrecorded(home, {known})
    assert {(orphan.service, orphan.pid, marker) for orphan, marker in found} == {
        ("web", pids[1], first),
        ("web", pids[3], second),
    }


def test_one_that_is_gone_cannot_be_pinned() -> None:
    assert pinned(1 << 22) is None


# Legacy -------------------------------------------------------------------------------------------------------------


def written(path: pathlib.Path, *names: str, start: Any) -> dict[str, int]:
    """Write the journal of a supervisor that started these."""
    journal = Journal(str(path), keeps=True)
    journal.begin({})
    pids = {}
    for name in names:
        marker = new_instance("p", name, str(path.parent))
        journal.intent(name, 1, marker)
        pids[name] = start(marker).pid
        journal.spawned(name, 1, pids[name], identity(pids[name]))
    journal.close()
    return pids


def test_a_legacy_is_what_the_journal_tells_and_who_lives(start: Any, tmp_path: pathlib.Path) -> None:
    pids = written(tmp_path / "journal", "a", "b", start=start)
    legacy = Legacy(str(tmp_path / "journal"))
    assert {name: leader.pid for name, leader in legacy.leaders.items()} == pids
    assert sorted(legacy.running) == ["a", "b"]
    assert legacy.recollection.keeps
    # `b` is in the manifest no more: its mark is what it is ended by.
    markers = {name: trace.instance for name, trace in legacy.recollection.traces.items()}
    assert legacy.strays({"a", "c"}) == [markers["b"]]
    assert list(legacy.leaders) == list(legacy.recollection.traces) == ["a"]
    os.close(legacy.leaders["a"].pidfd)


def test_after_a_clean_end_there_is_no_legacy(start: Any, tmp_path: pathlib.Path) -> None:
    written(tmp_path / "journal", "a", start=start)
    journal = Journal(str(tmp_path / "journal"))
    journal.down()
    journal.close()
    legacy = Legacy(str(tmp_path / "journal"))
    assert (legacy.records, legacy.leaders, legacy.strays(())) == ([], {}, [])


def test_without_a_journal_there_is_none_either(tmp_path: pathlib.Path) -> None:
    assert Legacy(str(tmp_path / "journal")).leaders == {}


def test_who_lives_beside_a_journal_that_was_lost_is_found_by_its_mark(start: Any, tmp_path: pathlib.Path) -> None:
    pids = written(tmp_path / "journal", "a", start=start)
    (tmp_path / "journal").write_bytes(b"damaged")
    double = start(new_instance("p", "a", str(tmp_path)))
    legacy = Legacy(str(tmp_path / "journal"))
    assert {name: leader.pid for name, leader in legacy.leaders.items()} in (pids, {"a": double.pid})
    assert len(legacy.strays({"a"})) == 1
    os.close(legacy.leaders["a"].pidfd)


# The next manager ---------------------------------------------------------------------------------------------------


def killed(stack: Stack, keeps: str) -> None:
    """Let a program embed a manager, start the stack, and be killed."""
    argv = [sys.executable, "-c", EMBEDS, str(stack.path), str(stack.folder / ".mamctl"), keeps]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=HERE) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"up\n"
        program.kill()


def pid_in(stack: Stack, name: str) -> int:
    records = read_journal(str(stack.folder / ".mamctl" / "journal"))
    return int(next(record["pid"] for record in records if record["type"] == "spawned" and record["service"] == name))


async def taken_over(stack: Stack) -> tuple[dict[str, Any], list[str]]:
    before = last_seq(str(stack.folder / ".mamctl" / "events"))
    async with (
        asyncio.timeout(20),
        ProcessManager(str(stack.path), home=str(stack.folder / ".mamctl")) as manager,
    ):
        assert (await manager.up())["ok"]
        return row(manager, "a"), [event["type"] for event in manager.history.since(before, 100)]


@pytest.mark.parametrize("keeps", ["keeps", "embedded"])
def test_what_a_killed_program_left_is_adopted_if_it_was_to_outlive_it_and_else_started_anew(
    tmp_path: pathlib.Path, keeps: str
) -> None:
    stack = Stack(tmp_path, {"a": service()})
    killed(stack, keeps)
    pid = pid_in(stack, "a")
    assert lives(pid)

    async def scenario() -> None:
        found, told = await taken_over(stack)
        assert "adopted" in told
        if keeps == "keeps":
            assert (found["pid"], found["ownership"]) == (pid, "adopted")
            assert "starting" not in told
        else:
            assert found["pid"] != pid
            assert not lives(pid)
            assert told.count("starting") == 1

    run(scenario())
    assert not lives(pid)


def test_a_service_that_is_to_outlive_even_a_program_does(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"a": service(on_supervisor_death="keep")})
    killed(stack, "embedded")
    pid = pid_in(stack, "a")

    async def scenario() -> None:
        assert (await taken_over(stack))[0]["pid"] == pid

    run(scenario())


@pytest.mark.parametrize("lost", ["spawned", "intent"])
def test_a_stop_whose_spawn_is_lost_from_the_journal_keeps_nobody_from_starting(
    tmp_path: pathlib.Path, lost: str
) -> None:
    stack = Stack(tmp_path, {"a": service("--touch", tmp_path / "up")})
    killed(stack, "keeps")
    eventually((tmp_path / "up").exists)
    path = stack.folder / ".mamctl" / "journal"
    pid = pid_in(stack, "a")
    lines = [line for line in path.read_bytes().splitlines(keepends=True) if f'"type": "{lost}"'.encode() not in line]
    stopping = [line for line in lines if b'"type": "service"' in line][-1]
    journal = Journal(str(tmp_path / "other"))
    past = next(record["past"] for record in reversed(read_journal(str(path))) if record["type"] == "service")
    journal.service("a", {**past, "state": "stopping", "halt": ["again", None, None]})
    journal.close()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not lives(pid))
    path.write_bytes(b"".join(line for line in lines if line != stopping) + (tmp_path / "other").read_bytes())

    async def scenario() -> None:
        stack.write({"a": service()})
        assert (await taken_over(stack))[0]["state"] == "ready"

    run(scenario())
