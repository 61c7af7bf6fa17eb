"""Services that speak for themselves: real processes over real sockets and pipes."""

from __future__ import annotations

import asyncio
import os
import pathlib
import shutil
import socket
import sys
import time
from contextlib import closing
from tempfile import TemporaryDirectory

import pytest

from tests.runtime.stack import Stack, descriptors, row, run, service, until

SPEAKER = str(pathlib.Path(__file__).with_name("speaker.py"))
NOTIFY = {"notify": True}


def speaker(*words, **keys):
    return {"command": [sys.executable, "-S", SPEAKER, *words], "ready": NOTIFY, **keys}


def path_of(manager, name="a"):
    return manager.hands.notifications._ears[name].way.path


def told(manager, kind):
    return [event["data"].get("detail") for event in manager.history.since(0, 10_000) if event["type"] == kind]


def play(tmp_path, services, scenario, **top):
    """Run a scenario with the services under supervision; whatever they did, nothing of their sockets is left."""

    async def whole():
        stack = Stack(tmp_path, services, **top)
        async with stack.managed() as manager:
            await scenario(manager)
        assert os.listdir(tmp_path / ".mamctl" / "notify") == []

    before = descriptors()
    run(whole())
    assert descriptors() == before


def state(manager, name="a"):
    return row(manager, name)["state"]


# Readiness ----------------------------------------------------------------------------------------------------------


def test_a_service_is_ready_when_it_says_so_and_its_dependants_start_then(tmp_path):
    async def scenario(manager):
        report = await manager.up()
        assert report["ok"]
        assert row(manager, "a")["detail"] == "serving"
        assert state(manager, "b") == "ready"
        assert row(manager, "a")["ready_s"] <= row(manager, "a")["uptime_s"] - 0.1

    services = {
        "a": speaker("STATUS=loading", "wait:0.1", "READY=1|STATUS=serving"),
        "b": speaker("READY=1", depends_on=["a"]),
    }
    play(tmp_path, services, scenario)


def test_a_ready_that_is_said_before_anything_else_is_heard(tmp_path):
    """finit#505: a socket that is bound after the spawn loses it."""
    code = "import os, socket; socket.socket(1, 2).sendto(b'READY=1', os.environ['NOTIFY_SOCKET']); os.read(0, 1)"

    async def scenario(manager):
        assert (await manager.up())["ok"]

    shell = {"command": ["sh", "-c", f'{sys.executable} -S -c "{code}"; exec sleep 60'], "ready": NOTIFY}
    play(tmp_path, {f"s{number}": shell for number in range(5)}, scenario)


@pytest.mark.skipif(not shutil.which("systemd-notify"), reason="systemd-notify is not installed")
@pytest.mark.parametrize("options", ["--ready", "--ready --no-block", "--pid --ready --status=up"])
def test_systemd_notify_is_heard(tmp_path, options):
    async def scenario(manager):
        assert (await manager.up())["ok"]

    script = f"systemd-notify {options} && exec sleep 60"
    play(tmp_path, {"a": {"command": ["sh", "-c", script], "ready": NOTIFY}}, scenario)


@pytest.mark.parametrize("who", ["child", "stray"])
def test_a_word_of_any_of_its_processes_counts(tmp_path, who):
    async def scenario(manager):
        assert (await manager.up())["ok"]

    play(tmp_path, {"a": speaker(f"{who}:READY=1")}, scenario)


def test_a_process_that_is_not_its_own_cannot_make_it_ready(tmp_path, caplog):
    async def scenario(manager):
        up = asyncio.create_task(manager.up())
        await until(manager, lambda: row(manager, "a")["detail"] == "waiting")
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as line:
            for _ in range(3):
                line.sendto(b"READY=1", path_of(manager))
        await until(manager, lambda: caplog.messages)
        assert state(manager) == "starting"
        assert caplog.messages == ["a: a notification by a process that is not its own was ignored"]
        await manager.stop("a")
        await up

    play(tmp_path, {"a": speaker("STATUS=waiting")}, scenario)


def test_a_service_without_a_word_fails_and_says_what_was_missing(tmp_path):
    async def scenario(manager):
        report = await manager.up()
        (failed,) = report["failed"]
        assert failed["reason"] == "start_timeout"
        assert "no READY=1 came over NOTIFY_SOCKET; does it call sd_notify?" in failed["detail"]

    play(tmp_path, {"a": service(start_timeout="200ms", restart="never", ready=NOTIFY)}, scenario)


def test_a_start_that_asks_for_more_time_gets_it(tmp_path):
    async def scenario(manager):
        assert (await manager.up())["ok"]
        assert row(manager, "a")["restarts"] == 0

    words = ["EXTEND_TIMEOUT_USEC=5000000", "wait:0.6", "READY=1"]
    play(tmp_path, {"a": speaker(*words, start_timeout="300ms")}, scenario)


def test_a_stop_that_asks_for_more_time_gets_it(tmp_path):
    async def scenario(manager):
        await manager.up()
        await manager.stop("a")
        found = row(manager, "a")
        assert (found["state"], found["exit_code"], found["exit_signal"]) == ("stopped", 0, None)

    words = ["on-term:STOPPING=1|EXTEND_TIMEOUT_USEC=5000000:0.5", "READY=1"]
    play(tmp_path, {"a": speaker(*words, stop={"grace": "200ms"})}, scenario)


def test_a_service_that_stops_by_itself_says_so_and_what_follows_is_as_it_ends(tmp_path):
    async def scenario(manager):
        await manager.up()
        await until(manager, lambda: state(manager) == "completed")
        assert told(manager, "unhealthy") == ["it says that it is stopping"]

    play(tmp_path, {"a": speaker("READY=1", "wait:0.1", "STOPPING=1", "barrier", "exit:0")}, scenario)


# What it is told ----------------------------------------------------------------------------------------------------


def test_it_is_told_where_to_speak_and_how_often_and_nobody_else_is(tmp_path, monkeypatch):
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID"):
        monkeypatch.setenv(name, "1")
    words = ["say:NOTIFY_SOCKET", "say:WATCHDOG_USEC", "say:WATCHDOG_PID", "say:LISTEN_FDS"]

    async def scenario(manager):
        await manager.up()
        for log in ("a.log", "b.log"):
            await until(manager, lambda log=log: "LISTEN_FDS=" in (tmp_path / "logs" / log).read_text())
        told_a = (tmp_path / "logs" / "a.log").read_text().split()
        assert told_a == [
            f"NOTIFY_SOCKET={path_of(manager)}", "WATCHDOG_USEC=30000000", "WATCHDOG_PID=None", "LISTEN_FDS=None",
        ]  # fmt: skip
        told_b = (tmp_path / "logs" / "b.log").read_text().split()
        assert told_b == [f"{word.partition(':')[2]}=None" for word in words]

    services = {
        "a": speaker(*words, "READY=1", ready={"notify": True, "watchdog": "30s"}),
        "b": speaker(*words, ready={"log": "LISTEN_FDS"}),
    }
    play(tmp_path, services, scenario)


def test_each_incarnation_has_a_socket_of_its_own(tmp_path):
    async def scenario(manager):
        await manager.up()
        first = path_of(manager)
        await manager.restart("a")
        assert path_of(manager) != first
        assert os.listdir(tmp_path / ".mamctl" / "notify") == [os.path.basename(path_of(manager))]
        await manager.stop("a")
        assert os.listdir(tmp_path / ".mamctl" / "notify") == []

    play(tmp_path, {"a": speaker("READY=1")}, scenario)


@pytest.mark.parametrize("deep_too", [False, True], ids=["a runtime folder", "one that is too deep itself"])
def test_a_home_whose_path_is_too_long_for_a_socket_is_no_obstacle(tmp_path, monkeypatch, deep_too):
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    with TemporaryDirectory(prefix="run") as short:
        runtime = str(deep) if deep_too else short
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        path = ""

        async def scenario(manager):
            nonlocal path
            assert (await manager.up())["ok"]
            path = path_of(manager)
            assert path.startswith(f"/tmp/mamctl-{os.getuid()}/" if deep_too else f"{runtime}/mamctl/")

        play(deep, {"a": speaker("READY=1")}, scenario)
        assert path
        assert not os.path.exists(path)


def test_a_service_that_cannot_be_spawned_leaves_no_socket(tmp_path):
    async def scenario(manager):
        (failed,) = (await manager.up())["failed"]
        assert failed["reason"] == "command_not_found"
        assert os.listdir(tmp_path / ".mamctl" / "notify") == []

    play(tmp_path, {"a": {"command": ["./no-such-command"], "ready": {"notify": True}}}, scenario)


# The watchdog -------------------------------------------------------------------------------------------------------


def test_one_that_falls_silent_is_restarted(tmp_path):
    async def scenario(manager):
        await manager.up()
        await until(manager, lambda: row(manager, "a")["restarts"] == 1)
        assert told(manager, "unhealthy") == ["no WATCHDOG=1 came for 0.2 s"]
        assert told(manager, "backoff") == []

    words = ["READY=1", "ping:0.05:4"]
    once = speaker(*words, ready={"notify": True, "watchdog": "200ms"}, restart={"delay": 0})
    play(tmp_path, {"a": once}, scenario)


def test_one_that_gives_signs_of_life_is_left_alone(tmp_path):
    async def scenario(manager):
        await manager.up()
        await until(manager, lambda: b"done" in (tmp_path / "logs" / "a.log").read_bytes())
        assert (state(manager), row(manager, "a")["restarts"]) == ("ready", 0)

    words = ["READY=1", "ping:0.02:40", "WATCHDOG_USEC=0", "barrier", "say:done"]
    play(tmp_path, {"a": speaker(*words, ready={"notify": True, "watchdog": "300ms"})}, scenario)


def test_a_supervisor_that_stood_still_bites_nobody(tmp_path):
    async def scenario(manager):
        await manager.up()
        for _ in range(3):
            time.sleep(0.4)  # noqa: ASYNC251 - it is the loop that stands still
            await asyncio.sleep(0.05)
        assert (state(manager), row(manager, "a")["restarts"]) == ("ready", 0)

    words = ["READY=1", "ping:0.02:1000"]
    play(tmp_path, {"a": speaker(*words, ready={"notify": True, "watchdog": "200ms"})}, scenario)


# Bad mail -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("letters", [500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_thousands_of_letters_hold_nobody_else_up(tmp_path, letters):
    async def scenario(manager):
        up = asyncio.create_task(manager.up())
        slowest, done = 0.0, False
        while not done:
            before = asyncio.get_running_loop().time()
            await asyncio.sleep(0)
            slowest = max(slowest, asyncio.get_running_loop().time() - before)
            done = row(manager, "a")["detail"] == f"number {letters - 1}" and up.done()
        assert (state(manager, "a"), state(manager, "b")) == ("ready", "ready")
        assert slowest < 0.25

    services = {"a": speaker("READY=1", f"flood:{letters}"), "b": service("--port", 0, "--http")}
    play(tmp_path, services, scenario)


def test_letters_that_make_no_sense_are_passed_over(tmp_path, caplog):
    async def scenario(manager):
        assert (await manager.up())["ok"]
        assert row(manager, "a")["detail"] == "here"
        assert caplog.messages == ["a: a notification of more than 4096 bytes was ignored"]

    bad = ["raw:", "raw:00", "raw:ffFEfd0a3d3d3d", "raw:" + "0a" * 4096, "big:100000", "big:5000", "=", "|||"]
    play(tmp_path, {"a": speaker(*bad, "STATUS=here", "barrier", "READY=1|STATUS=here")}, scenario)


def test_a_barrier_falls_when_all_before_it_was_heard_and_no_descriptor_is_kept(tmp_path):
    async def scenario(manager):
        await manager.up()
        before = descriptors()
        await until(manager, lambda: row(manager, "a")["detail"] == "last")
        assert descriptors() == before

    words = ["READY=1", "barrier", *["with-files:FDSTORE=1|FDNAME=x"] * 20, "barrier", "STATUS=last"]
    play(tmp_path, {"a": speaker(*words)}, scenario)


# A line on a descriptor (s6) ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fd", [3, 7, 200])
def test_a_line_on_its_descriptor_makes_it_ready(tmp_path, fd):
    async def scenario(manager):
        up = asyncio.create_task(manager.up())
        await until(manager, lambda: row(manager, "a")["pid"])
        assert (await up)["ok"]
        # It closes the descriptor a moment after it wrote the line.
        folder = f"/proc/{row(manager, 'a')['pid']}/fd"
        await until(manager, lambda: {int(name) for name in os.listdir(folder)} == {0, 1, 2})

    words = [f"part:{fd}", "wait:0.1", f"line:{fd}"]
    play(tmp_path, {"a": speaker(*words, ready={"notify": {"fd": fd}})}, scenario)


def test_a_descriptor_that_is_closed_without_a_line_is_told(tmp_path):
    async def scenario(manager):
        (failed,) = (await manager.up())["failed"]
        assert failed["detail"].endswith(
            "no line came on descriptor 5 (its status: it closed the descriptor without a line)"
        )

    words = ["part:5", "close:5"]
    keys = {"ready": {"notify": {"fd": 5}}, "start_timeout": "300ms", "restart": "never"}
    play(tmp_path, {"a": speaker(*words, **keys)}, scenario)


def test_one_that_goes_on_writing_is_neither_blocked_nor_ended(tmp_path):
    goes_on = "i=0; while [ $i -lt 20000 ]; do echo still here >&3; i=$((i+1)); done"
    script = f"echo ready >&3; {goes_on}; echo done; exec sleep 60"

    async def scenario(manager):
        assert (await manager.up())["ok"]
        await until(manager, lambda: b"done" in (tmp_path / "logs" / "a.log").read_bytes())
        assert state(manager) == "ready"

    play(tmp_path, {"a": {"command": ["sh", "-c", script], "ready": {"notify": {"fd": 3}}}}, scenario)


def test_its_command_is_looked_for_as_always(tmp_path):
    async def scenario(manager):
        failed = (await manager.up())["failed"]
        assert [found["reason"] for found in failed] == ["command_not_found"]

    play(tmp_path, {"a": {"command": ["./no-such-command"], "ready": {"notify": {"fd": 3}}}}, scenario)
