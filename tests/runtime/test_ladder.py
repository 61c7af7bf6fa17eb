"""External services that a run step starts: a real server that a real starter leaves behind."""

from __future__ import annotations

import os
import pathlib
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.runtime.logs import appended
from tests.runtime.stack import Stack, descriptors, free_port, lives, row, run, until
from tests.scripted import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from mamctl import ProcessManager

DAEMONISER = str(pathlib.Path(__file__).with_name("daemoniser.py"))


class Model:
    """One external service `m` in a folder, and what became of its server."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.port = free_port()

    def command(self, word: str, *words: str) -> list[str]:
        return [sys.executable, "-IS", DAEMONISER, word, str(self.folder), str(self.port), *words]

    def start_by_hand(self) -> None:
        os.spawnv(os.P_WAIT, sys.executable, self.command("start"))

    def entry(self, *acquire: object, **keys: Any) -> dict[str, Any]:
        identify = {"http": "/", "json": {"server": True}, "interval": "100ms", "failures": 2}
        steps = list(acquire) or ["attach", {"run": self.command("start")}]
        return {"kind": "external", "port": self.port, "identify": identify, "acquire": steps, **keys}

    @property
    def releasing(self) -> dict[str, Any]:
        return {"release": {"run": self.command("stop")}}

    @property
    def pid(self) -> int:
        return int((self.folder / "pid").read_text())

    def times(self, what: str) -> int:
        found = self.folder / what
        return found.stat().st_size if found.exists() else 0

    @property
    def runs(self) -> bool:
        return (self.folder / "pid").exists() and lives(self.pid)


@pytest.fixture
def model(tmp_path: pathlib.Path) -> Iterator[Model]:
    """Give one; afterwards its server is gone, whatever the test made of it."""
    found = Model(tmp_path)
    yield found
    for name in ("pid", "hangs"):
        if (tmp_path / name).exists():
            with suppress(ProcessLookupError):
                os.kill(int((tmp_path / name).read_text()), signal.SIGKILL)


def said(manager: ProcessManager, kind: str) -> list[str]:
    return [event["data"].get("detail") for event in manager.history.since(0, 10_000) if event["type"] == kind]


def play(
    tmp_path: pathlib.Path, services: dict[str, Any], scenario: Callable[[ProcessManager], Coroutine[Any, Any, None]]
) -> Stack:
    stack = Stack(tmp_path, services)

    async def whole() -> None:
        async with stack.managed() as manager:
            await scenario(manager)

    before = descriptors()
    run(whole())
    assert descriptors() == before
    return stack


def test_what_a_starter_leaves_behind_is_ready_external_and_left_at_the_end(
    tmp_path: pathlib.Path, model: Model
) -> None:
    async def scenario(manager: ProcessManager) -> None:
        assert (await manager.up())["ok"]
        found = row(manager, "m")
        assert (found["state"], found["ownership"], found["pid"]) == ("ready", "external", None)
        assert found["detail"] == "started here, by a run step"
        assert (await manager.down())["survivors"] == []

    stack = play(tmp_path, {"m": model.entry()}, scenario)
    assert (model.runs, model.times("started")) == (True, 1)
    assert stack.log("m") == b"starting\nserving\n"


def test_what_we_started_is_released_once_and_after_who_needs_it(tmp_path: pathlib.Path, model: Model) -> None:
    async def scenario(manager: ProcessManager) -> None:
        assert (await manager.up())["ok"]
        await manager.down()

    script = f"trap '[ -e {tmp_path}/stopped ]; echo $?; exit 0' TERM; echo up; while :; do sleep 0.02; done"
    app = {"command": ["/bin/sh", "-c", script], "depends_on": ["m"], "ready": {"log": "up"}}
    stack = play(tmp_path, {"m": model.entry(**model.releasing), "app": app}, scenario)
    eventually(lambda: not model.runs)
    assert (model.times("started"), model.times("stopped")) == (1, 1)
    assert stack.log("app").splitlines()[-1] == b"1"
    assert stack.log("m").endswith(b"stopped\n")


def test_what_we_found_standing_is_never_released(tmp_path: pathlib.Path, model: Model) -> None:
    model.start_by_hand()
    eventually(lambda: model.runs)

    async def scenario(manager: ProcessManager) -> None:
        assert (await manager.up())["ok"]
        assert row(manager, "m")["detail"] is None
        await manager.down()

    play(tmp_path, {"m": model.entry(**model.releasing)}, scenario)
    assert (model.runs, model.times("started"), model.times("stopped")) == (True, 1, 0)


def test_a_starter_that_fails_is_told_with_its_last_words_and_the_next_step_is_taken(
    tmp_path: pathlib.Path, model: Model
) -> None:
    async def scenario(manager: ProcessManager) -> None:
        assert (await manager.up())["ok"]
        assert row(manager, "m")["ownership"] == "managed"
        assert said(manager, "warning") == ["its run step ended with code 3: no such model"]

    steps = [{"run": model.command("fail", "no such model")}, {"spawn": {"command": model.command("serve")}}]
    play(tmp_path, {"m": model.entry(*steps)}, scenario)


def test_a_starter_that_is_not_there_is_told_and_the_service_is_absent(tmp_path: pathlib.Path, model: Model) -> None:
    async def scenario(manager: ProcessManager) -> None:
        await manager.up()
        assert (row(manager, "m")["state"], row(manager, "m")["reason"]) == ("waiting", "absent")
        assert said(manager, "warning") == [
            "its run step could not be run: no-such-starter: no such command (not on PATH)"
        ]

    play(tmp_path, {"m": model.entry({"run": ["no-such-starter"]})}, scenario)


def test_a_starter_that_hangs_is_ended_with_its_group_at_the_start_timeout(
    tmp_path: pathlib.Path, model: Model
) -> None:
    async def scenario(manager: ProcessManager) -> None:
        await manager.up()
        assert row(manager, "m")["reason"] == "absent"
        assert said(manager, "warning") == ["its run step did not end within 0.5 s, so it was ended"]
        await until(manager, lambda: not lives(int((tmp_path / "hangs").read_text())))

    play(tmp_path, {"m": model.entry({"run": model.command("hang")}, start_timeout="500ms")}, scenario)


def test_a_starter_that_hangs_is_ended_by_down(tmp_path: pathlib.Path, model: Model) -> None:
    async def scenario(manager: ProcessManager) -> None:
        manager.operator.want(None, (), alone=False)
        await until(manager, (tmp_path / "hangs").exists)
        assert (await manager.down())["settled"]
        await until(manager, lambda: not lives(int((tmp_path / "hangs").read_text())))

    play(tmp_path, {"m": model.entry({"run": model.command("hang")})}, scenario)


def test_one_that_does_not_answer_in_time_is_attached_to_when_it_does(tmp_path: pathlib.Path, model: Model) -> None:
    async def scenario(manager: ProcessManager) -> None:
        await manager.up()
        assert row(manager, "m")["reason"] == "absent"
        assert "its run step ended well, but it was not there within 0.3 s" in said(manager, "warning")[0]
        model.start_by_hand()
        await until(manager, lambda: row(manager, "m")["state"] == "ready")

    play(tmp_path, {"m": model.entry({"run": ["true"]}, start_timeout="300ms")}, scenario)


def test_one_that_is_lost_is_released_and_started_again(tmp_path: pathlib.Path, model: Model) -> None:
    async def scenario(manager: ProcessManager) -> None:
        assert (await manager.up())["ok"]
        first = model.pid
        os.kill(first, signal.SIGKILL)
        await until(manager, lambda: model.times("started") == 2 and row(manager, "m")["state"] == "ready")
        assert model.pid != first

    play(tmp_path, {"m": model.entry(**model.releasing)}, scenario)


def test_a_restart_by_the_operator_releases_it_and_starts_it_again(tmp_path: pathlib.Path, model: Model) -> None:
    async def scenario(manager: ProcessManager) -> None:
        assert (await manager.up())["ok"]
        assert (await manager.restart("m"))["ok"]
        assert (model.times("started"), model.times("stopped")) == (2, 1)

    play(tmp_path, {"m": model.entry(**model.releasing)}, scenario)


def test_a_release_that_hangs_is_ended_at_the_grace_period_and_told(tmp_path: pathlib.Path, model: Model) -> None:
    async def scenario(manager: ProcessManager) -> None:
        assert (await manager.up())["ok"]
        assert (await manager.stop("m"))["settled"]
        assert said(manager, "warning") == ["its release command did not end within 0.3 s, so it was ended"]
        await until(manager, lambda: not lives(int((tmp_path / "hangs").read_text())))

    release = {"release": {"run": model.command("hang")}, "stop": {"grace": "300ms"}}
    play(tmp_path, {"m": model.entry(**release)}, scenario)


def test_without_inotify_its_output_is_kept_all_the_same(
    tmp_path: pathlib.Path, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_words: object) -> None:
        raise OSError(24, "too many open files")

    async def scenario(manager: ProcessManager) -> None:
        assert (await manager.up())["ok"]

    monkeypatch.setattr(appended, "change_watch", refuse)
    stack = play(tmp_path, {"m": model.entry(**model.releasing)}, scenario)
    assert stack.log("m") == b"starting\nserving\nstopped\n"


def test_a_command_that_is_cancelled_in_its_first_moment_is_ended(tmp_path: pathlib.Path, model: Model) -> None:
    async def scenario(manager: ProcessManager) -> None:
        manager.operator.want(None, (), alone=False)
        await until(manager, lambda: manager.hands.errands.pids)
        (pid,) = manager.hands.errands.pids
        manager.hands.errands.cancel("m")
        await until(manager, lambda: not lives(pid))

    play(tmp_path, {"m": model.entry({"run": ["sleep", "1000"]})}, scenario)
