"""A command that stops a service: run in its place, as its user, within its grace period."""

from __future__ import annotations

import os
import pwd
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtime.stack import Stack, descriptors, lives, row, run, until

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Coroutine

    from mamctl import ProcessManager

    Scenario = Callable[[ProcessManager], Coroutine[Any, Any, None]]

DEAF = ["/bin/sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done"]
ENDS = "kill -KILL $MAMCTL_PID"


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def stopped_by(script: str, command: list[str] | None = None, **stop: Any) -> dict[str, Any]:
    """A service that a script stops; by itself it is deaf to TERM."""
    return {
        "command": command or DEAF,
        "ready": {"log": "up"},
        "stop": {"command": shell(script), "grace": "5s", **stop},
    }


def said(manager: ProcessManager, kind: str) -> list[str]:
    return [event["data"].get("detail") for event in manager.history.since(0, 10_000) if event["type"] == kind]


def play(tmp_path: pathlib.Path, entry: dict[str, Any], scenario: Scenario) -> Stack:
    """Bring it up, run a scenario, take it down; nothing of ours is left open."""
    stack = Stack(tmp_path, {"a": entry})

    async def whole() -> None:
        async with stack.managed() as manager:
            assert (await manager.up())["ok"]
            await scenario(manager)

    before = descriptors()
    run(whole())
    assert descriptors() == before
    return stack


async def stop(manager: ProcessManager) -> dict[str, Any]:
    await manager.stop("a")
    return row(manager, "a")


def test_it_is_run_instead_of_the_signal_and_the_stop_is_clean(tmp_path: pathlib.Path) -> None:
    async def scenario(manager: ProcessManager) -> None:
        pid = row(manager, "a")["pid"]
        found = await stop(manager)
        assert (found["state"], found["reason"], found["exit_signal"]) == ("stopped", "by_operator", signal.SIGKILL)
        assert (tmp_path / "told").read_text().split() == [str(pid), "a", str(tmp_path)]
        assert said(manager, "warning") == []

    entry = stopped_by(f"echo $MAMCTL_PID $MAMCTL_SERVICE $PWD > told; echo stopping; {ENDS}")
    assert play(tmp_path, entry, scenario).log("a") == b"up\nstopping\n"


@pytest.mark.parametrize("way", ["restart", "down"])
def test_restart_and_down_use_it_too(tmp_path: pathlib.Path, way: str) -> None:
    async def scenario(manager: ProcessManager) -> None:
        first = row(manager, "a")["pid"]
        if way == "restart":
            assert (await manager.restart("a"))["ok"]
            assert row(manager, "a")["pid"] != first
        else:
            await manager.down()
        assert (tmp_path / "calls").read_text() == "x\n"

    play(tmp_path, stopped_by(f"echo x >> calls; {ENDS}"), scenario)


def test_one_that_fails_is_told_with_its_complaint_and_the_signal_is_sent_at_once(tmp_path: pathlib.Path) -> None:
    async def scenario(manager: ProcessManager) -> None:
        found = await stop(manager)
        assert (found["state"], found["exit_code"]) == ("stopped", 0)
        assert said(manager, "warning") == ["its stop command ended with code 7: no such thing"]

    command = shell("trap 'exit 0' INT; echo up; while :; do sleep 0.02; done")
    play(tmp_path, stopped_by("echo no such thing >&2; exit 7", command, signal="INT", grace="8s"), scenario)


def test_one_that_is_not_there_is_told_and_the_signal_is_sent(tmp_path: pathlib.Path) -> None:
    async def scenario(manager: ProcessManager) -> None:
        assert (await stop(manager))["exit_signal"] == signal.SIGTERM
        assert said(manager, "warning") == [
            "its stop command could not be run: no-such-stop: no such command (not on PATH)"
        ]

    entry = {
        "command": shell("echo up; exec sleep 1000"),
        "ready": {"log": "up"},
        "stop": {"command": ["no-such-stop"]},
    }
    play(tmp_path, entry, scenario)


def test_one_that_hangs_is_killed_with_its_service_and_all_its_group(tmp_path: pathlib.Path) -> None:
    async def scenario(manager: ProcessManager) -> None:
        pid = row(manager, "a")["pid"]
        assert (await stop(manager))["exit_signal"] == signal.SIGKILL
        assert said(manager, "warning") == [
            "did not stop within 0.3 s, so it is killed; its stop command has not ended either"
        ]
        helpers = [int(word) for word in (tmp_path / "pids").read_text().split()]
        await until(manager, lambda: not any(map(lives, (pid, *helpers))))

    play(tmp_path, stopped_by("sleep 1000 & echo $$$$ $! > pids; wait", grace="300ms"), scenario)


def test_one_that_does_nothing_leaves_the_service_its_grace_and_no_more(tmp_path: pathlib.Path) -> None:
    async def scenario(manager: ProcessManager) -> None:
        assert (await stop(manager))["exit_signal"] == signal.SIGKILL
        assert said(manager, "warning") == ["did not stop within 0.3 s, so it is killed"]

    play(tmp_path, stopped_by("true", grace="300ms"), scenario)


def test_nothing_starts_again_before_the_command_has_ended(tmp_path: pathlib.Path) -> None:
    """It may still be at work when its service is gone: what it does then must not hit the next one."""

    async def scenario(manager: ProcessManager) -> None:
        assert (await manager.restart("a"))["ok"]
        assert (tmp_path / "order").read_text().split() == ["up", "done", "up"]

    command = shell("echo up >> order; echo up; exec sleep 1000")
    play(tmp_path, stopped_by(f"{ENDS}; sleep 0.3; echo done >> order", command), scenario)


def test_a_second_wish_to_stop_ends_both_at_once(tmp_path: pathlib.Path) -> None:
    async def scenario(manager: ProcessManager) -> None:
        first = manager.operator.down(force=False, wait=0.05)
        await first
        await until(manager, (tmp_path / "pid").exists)
        assert (await manager.operator.down(force=True, wait=5))["settled"]
        await until(manager, lambda: not lives(int((tmp_path / "pid").read_text())))

    play(tmp_path, stopped_by("echo $$$$ > pid.new; mv pid.new pid; exec sleep 1000", grace="60s"), scenario)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start a process as somebody else")
def test_it_runs_as_the_user_of_its_service(tmp_path: pathlib.Path) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    command = shell("echo up; exec sleep 1000")

    async def scenario(manager: ProcessManager) -> None:
        await stop(manager)

    entry = stopped_by(f"id -u; umask; {ENDS}", command) | {"user": "nobody", "umask": "077", "cwd": "/"}
    assert play(tmp_path, entry, scenario).log("a") == f"up\n{nobody}\n0077\n".encode()


def test_a_crash_runs_no_stop_command(tmp_path: pathlib.Path) -> None:
    async def scenario(manager: ProcessManager) -> None:
        os.kill(row(manager, "a")["pid"], signal.SIGKILL)
        await until(manager, lambda: row(manager, "a")["restarts"] == 1 and row(manager, "a")["state"] == "ready")
        assert not (tmp_path / "calls").exists()

    play(tmp_path, stopped_by(f"echo x >> calls; {ENDS}") | {"restart": {"delay": 0}}, scenario)
