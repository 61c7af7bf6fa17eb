"""What a supervisor and its guardian that died left is found by its journal, adopted, and never run a second time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from mamctl.control.place import place
from mamctl.runtime.eventfile import last_seq
from mamctl.runtime.launch import start_supervisor
from mamctl.runtime.orphans import end_orphans, find_left, find_orphans
from mamctl.runtime.processes import children, proc
from mamctl.runtime.rebirth import note_down
from tests.runtime.stack import Stack, lives, row, run, service
from tests.scripted import eventually

if TYPE_CHECKING:
    import pathlib

    import pytest

    from mamctl.control.place import Place


def killed(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Let a supervisor start the stack, and kill it and its guardian with -9."""
    monkeypatch.setenv("MAMCTL_HOME", str(stack.folder / ".mamctl"))
    where = place(str(stack.path), os.environ)
    started = start_supervisor(where, up={"services": None}, foreground=False, environ=os.environ)
    [supervisor] = [pid for pid in children(started.pid) if b"supervise" in (proc.read(f"/proc/{pid}/cmdline") or b"")]
    # A guardian that stands still starts no other.
    for pid, signum in ((started.pid, signal.SIGSTOP), (supervisor, signal.SIGKILL), (started.pid, signal.SIGKILL)):
        os.kill(pid, signum)
    os.waitpid(started.pid, 0)
    eventually(lambda: not lives(supervisor))
    return where


def test_orphans_are_named_with_their_service_and_a_grandchild_is_one_of_them(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pidfile = tmp_path / "pids"
    stack = Stack(tmp_path, {"a": service("--pidfile", pidfile, "--grandchild"), "b": service()})
    where = killed(stack, monkeypatch)
    eventually(lambda: pidfile.exists() and pidfile.read_text().endswith("\n"))
    found = find_orphans(where.journal)
    assert sorted(orphan.service for orphan in found) == ["a", "a", "b"]
    assert int(pidfile.read_text()) in {orphan.pid for orphan in found}
    assert end_orphans(lambda: find_orphans(where.journal)) == sorted(
        {"a", "b"}, key=[orphan.service for orphan in found].index
    )
    assert find_orphans(where.journal) == []
    assert not any(lives(orphan.pid) for orphan in found)


def test_what_no_record_names_is_left_too_unless_the_supervisor_left_in_order(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = killed(Stack(tmp_path, {"a": service()}), monkeypatch)
    [orphan] = find_orphans(where.journal)
    with open(where.journal, "w"):
        pass
    assert find_orphans(where.journal) == []
    assert find_left(where.home, where.journal) == [orphan]
    note_down(where.journal)
    assert find_left(where.home, where.journal) == []
    os.kill(orphan.pid, signal.SIGKILL)
    eventually(lambda: not lives(orphan.pid))


def test_one_that_wrote_over_its_environment_is_one_of_them(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wipe = (
        "import ctypes, time;"
        "at = open('/proc/self/stat').read().rpartition(')')[2].split()[47:49];"
        "ctypes.memset(int(at[0]), 0, int(at[1]) - int(at[0]));"
        "print('wiped', flush=True); time.sleep(1000)"
    )
    stack = Stack(tmp_path, {"a": {"command": [sys.executable, "-c", wipe], "ready": {"log": "wiped"}}})
    where = killed(stack, monkeypatch)
    eventually(
        lambda: [proc.read(f"/proc/{one.pid}/environ").strip(b"\0") for one in find_orphans(where.journal)] == [b""]
    )
    [orphan] = find_orphans(where.journal)
    assert end_orphans(lambda: find_orphans(where.journal)) == ["a"]
    assert not lives(orphan.pid)


def test_one_that_ignores_term_is_killed_after_the_grace_period(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Stack(tmp_path, {"a": service("--ignore-term", "--touch", tmp_path / "up")})
    where = killed(stack, monkeypatch)
    eventually((tmp_path / "up").exists)
    assert end_orphans(lambda: find_orphans(where.journal), grace=0.05) == ["a"]
    assert find_orphans(where.journal) == []


def test_the_next_manager_adopts_it_and_runs_no_second_copy(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Stack(tmp_path, {"a": service()})
    where = killed(stack, monkeypatch)
    [orphan] = find_orphans(where.journal)
    before = last_seq(where.events)

    async def scenario() -> None:
        async with stack.managed() as manager:
            assert (await manager.up())["ok"]
            assert lives(orphan.pid)
            found = row(manager, "a")
            assert (found["pid"], found["ownership"], found["restarts"]) == (orphan.pid, "adopted", 0)
            told = [(event["type"], event["service"]) for event in manager.history.since(before, 100)]
            assert told.count(("adopted", "a")) == 1
            assert ("starting", "a") not in told

    run(scenario())
    assert find_orphans(where.journal) == []
    assert not lives(orphan.pid)


def test_without_a_supervisor_status_names_what_it_left_and_down_stops_it_in_order(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Stack(tmp_path, {"a": service(), "b": service()})
    where = killed(stack, monkeypatch)
    told = [sys.executable, "-m", "mamctl.cli.main", "-f", str(stack.path), "status"]
    status = subprocess.run(told, capture_output=True, text=True, check=False)
    pids = {orphan.service: orphan.pid for orphan in find_orphans(where.journal)}
    assert status.returncode == 4
    assert status.stderr.startswith("its supervisor died and left running: ")
    assert all(f"{name} (pid {pids[name]})" in status.stderr for name in ("a", "b"))
    command = [sys.executable, "-m", "mamctl.cli.main", "-f", str(stack.path), "down"]
    first = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (first.returncode, first.stderr.splitlines()) == (
        0,
        ["its supervisor had died; taking over what it left, to stop it", "stopped 2 services; nothing is left"],
    )
    assert find_orphans(where.journal) == []
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stderr) == (0, "nothing is running\n")


def test_where_no_supervisor_can_be_started_what_is_left_is_ended_all_the_same(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Stack(tmp_path, {"a": service()})
    where = killed(stack, monkeypatch)
    stack.path.write_text("services: [broken")
    command = [sys.executable, "-m", "mamctl.cli.main", "-f", str(stack.path), "down"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert found.stderr.splitlines()[-1] == "ended without order: a"
    assert find_orphans(where.journal) == []


def test_after_a_clean_down_nobody_is_an_orphan(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"a": service()})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()

    run(scenario())
    assert find_orphans(str(tmp_path / ".mamctl" / "journal")) == []
