"""Hooks that are commands: what they are told, and that nothing they do holds anybody up."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mamctl.core.events import Remembered
from mamctl.core.manifest.hooks import Hook, Moment
from mamctl.core.past import Past
from mamctl.core.states import State
from mamctl.runtime.hooks import dispatch
from mamctl.runtime.hooks.errand import LARGEST_EVENT
from mamctl.runtime.hooks.leftovers import end_leftovers
from tests.runtime.hooks.stage import many, sh, staged
from tests.runtime.stack import descriptors, lives
from tests.scripted import eventually

if TYPE_CHECKING:
    import pathlib


def test_a_command_gets_the_event_on_its_input_and_in_its_environment(tmp_path: pathlib.Path) -> None:
    folder = tmp_path.resolve()

    async def scenario() -> None:
        script = "cat > told; env > variables; pwd > folder"
        async with staged(tmp_path, sh(script), moment=Moment.FAILURE) as stage:
            stage.happens(
                "failed", generation=3, state="failed", reason="exited", detail="ended with code 3", exit_code=3
            )
            await stage.hooks.settle()
            told = json.loads(stage.file("told"))
            variables = dict(line.split("=", 1) for line in stage.file("variables").splitlines())
        assert (told["service"], told["type"], told["generation"]) == ("web", "failed", 3)
        assert (told["hook"], told["project"], told["folded"]) == ("on_failure", "test", 0)
        assert told["data"]["detail"] == "ended with code 3"
        assert variables["MAMCTL_EVENT"] == "failed"
        assert variables["MAMCTL_HOOK"] == "on_failure"
        assert variables["MAMCTL_SERVICE"] == "web"
        assert variables["MAMCTL_STATE"] == "failed"
        assert variables["MAMCTL_REASON"] == "exited"
        assert variables["MAMCTL_DETAIL"] == "ended with code 3"
        assert (variables["MAMCTL_EXIT_CODE"], variables["MAMCTL_EXIT_SIGNAL"]) == ("3", "")
        assert stage.file("folder").strip() == str(folder)
        assert stage.warnings == []

    asyncio.run(scenario())


def test_what_has_no_hook_calls_none_and_neither_does_a_warning(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with staged(tmp_path, sh("touch ran")) as stage:
            for kind in ("warning", "failed", "info"):
                stage.happens(kind)
            stage.happens("started", name="other")
            stage.history.record("started", None, 0, {})
            await stage.hooks.settle()
        assert not (tmp_path / "ran").exists()

    asyncio.run(scenario())


def test_hooks_of_a_moment_are_done_in_order_and_one_that_fails_keeps_none_from_it(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        hooks = (
            sh("echo a >> order; echo out of sorts; exit 3"),
            Hook(("no-such-command",)),
            sh("echo b >> order; kill -9 $$"),
        )
        async with staged(tmp_path, *hooks) as stage:
            stage.happens("started")
            await stage.hooks.settle()
        assert stage.file("order").split() == ["a", "b"]
        assert stage.warnings == [
            "hook on_ready failed: sh ended with code 3: out of sorts",
            "hook on_ready failed: no-such-command could not be run: no such file or directory",
            "hook on_ready failed: sh was ended by SIGKILL",
        ]

    asyncio.run(scenario())


def test_what_a_command_says_goes_to_our_own_log_bounded_and_without_secrets(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with staged(
            tmp_path, sh("echo the word is hunter22; printf 'bell \\007\\n'; seq 100000 100030")
        ) as stage:
            stage.happens("started")
            await stage.hooks.settle()

    with caplog.at_level(logging.INFO, "mamctl"):
        asyncio.run(scenario())
    assert len(caplog.messages) == 20
    assert caplog.messages[-1] == "web: on_ready says: 100030"

    async def short() -> None:
        async with staged(tmp_path, sh("echo the word is hunter22; printf 'bell \\007\\n'")) as stage:
            stage.happens("started")
            await stage.hooks.settle()

    caplog.clear()
    with caplog.at_level(logging.INFO, "mamctl"):
        asyncio.run(short())
    assert caplog.messages == ["web: on_ready says: the word is ********", "web: on_ready says: bell ?"]


def test_one_that_hangs_is_killed_with_its_whole_group_when_its_time_is_over(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with staged(tmp_path, sh("sleep 60 & echo $! > child; wait", timeout=0.3)) as stage:
            stage.happens("started")
            await stage.until(lambda: stage.warnings)
            child = int(stage.file("child"))
        assert stage.warnings == ["hook on_ready failed: sh did not end within 0.3 s, so it was killed"]
        eventually(lambda: not lives(child), within=2.0)

    asyncio.run(scenario())


def test_one_that_reads_nothing_and_an_event_that_is_too_long_hold_nobody_up(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with staged(tmp_path, sh("sleep 0"), sh("cat > told")) as stage:
            stage.happens("started", detail="x" * 2 * LARGEST_EVENT, rows=["y"] * LARGEST_EVENT)
            await stage.hooks.settle()
        told = stage.file("told")
        assert len(told) < LARGEST_EVENT
        assert set(json.loads(told)["data"]) == {"state", "reason", "detail"}
        assert stage.warnings == []

    asyncio.run(scenario())


def test_what_no_environment_can_hold_is_a_failure_that_is_told(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with staged(tmp_path, sh("touch ran")) as stage:
            stage.happens("started", detail="half of a pair: \ud800")
            await stage.hooks.settle()
            stage.happens("started", generation=2, detail="a NUL: \0")
        assert "hook on_ready failed: sh could not be run: " in stage.warnings[0]

    asyncio.run(scenario())


def test_a_crash_loop_is_no_storm_of_hooks(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with staged(tmp_path, sh("cat >> told"), moment=Moment.RESTART) as stage:
            for generation in range(200):
                stage.happens("restarting", generation=generation)
                await asyncio.sleep(0)
            await stage.hooks.settle()
        told = [json.loads(line) for line in stage.file("told").splitlines()]
        assert len(told) <= 3
        assert sum(1 + one["folded"] for one in told) == 200
        assert told[-1]["generation"] == 199

    asyncio.run(scenario())


def test_the_next_of_a_kind_begins_a_while_after_the_one_before(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        monkeypatch.setattr(dispatch, "PAUSE", 0.2)
        async with staged(tmp_path, sh("date +%s.%N >> times")) as stage:
            stage.hooks._pause = 0.2
            stage.happens("started")
            await stage.until(lambda: len(stage.file("times").split()) == 1)
            stage.happens("started", generation=2)
            await stage.until(lambda: len(stage.file("times").split()) == 2)
            first, second = map(float, stage.file("times").split())
        assert second - first > 0.15

    asyncio.run(scenario())


def test_so_many_are_done_at_once_and_so_many_wait(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        monkeypatch.setattr(dispatch, "MOST_WAITING", 10)
        services = {
            f"s{number}": {Moment.READY: (sh("echo begun >> log; while [ ! -e go ]; do sleep 0.02; done"),)}
            for number in range(30)
        }
        async with many(tmp_path, services) as stage:
            for name in services:
                stage.happens("started", name=name)
            await stage.until(lambda: stage.file("log").count("begun") == dispatch.MOST_AT_ONCE)
            (tmp_path / "go").touch()
            await stage.hooks.settle()
        assert stage.file("log").count("begun") == 10
        assert stage.warnings == ["20 hooks were left out: more than 10 waited"]

    asyncio.run(scenario())


def test_the_end_waits_for_what_is_under_way_and_for_what_waits_behind_it(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with staged(tmp_path, sh("sleep 0.2; echo done >> log"), moment=Moment.STOP) as stage:
            stage.happens("stopped")
            await stage.until(lambda: stage.hooks.pids)
            stage.happens("stopped", generation=2)
            await stage.hooks.settle()
        assert stage.file("log").split() == ["done", "done"]

    asyncio.run(scenario())


def test_the_end_waits_no_longer_than_the_slowest_may_take(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        monkeypatch.setattr(dispatch, "MOST_AT_ONCE", 1)
        monkeypatch.setattr(dispatch, "REAPING", 0.2)
        services = {f"s{number}": {Moment.STOP: (sh("sleep 60", timeout=0.3),)} for number in range(20)}
        async with many(tmp_path, services) as stage:
            for name in services:
                stage.happens("stopped", name=name)
            began = stage.hooks._loop.time()
            await stage.hooks.settle()
            assert stage.hooks._loop.time() - began < 2.0
        assert "hooks were not waited for any longer" in stage.warnings[-1]
        assert stage.hooks.pids == set()

    asyncio.run(scenario())


def test_with_nothing_under_way_the_end_is_there_at_once(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with staged(tmp_path, sh("touch ran")) as stage:
            await stage.hooks.settle()
            stage.happens("started")
            await stage.hooks.settle()
        assert not (tmp_path / "ran").exists()

    asyncio.run(scenario())


def test_what_is_closed_leaves_no_process_and_no_descriptor(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with staged(tmp_path, sh("echo $$ > pid; exec sleep 60")) as stage:
            stage.happens("started")
            await stage.until(lambda: stage.file("pid").strip())
            pid = int(stage.file("pid"))
        assert not lives(pid)
        assert stage.hooks.pids == set()

    before = descriptors()
    asyncio.run(scenario())
    assert descriptors() == before


# Another supervisor ---------------------------------------------------------------------------------------------------


def recalled(state: State, generation: int, **fields: bool) -> Remembered:
    attached = fields.pop("attached", False)
    return Remembered("web", Past(state=state, generation=generation, attached=attached), pid=7, **fields)


@pytest.mark.parametrize(
    ("found", "generation", "ran"),
    [
        (recalled(State.READY, 4), 4, False),
        (recalled(State.UNHEALTHY, 4), 4, False),
        (recalled(State.READY, 4), 5, True),
        (recalled(State.STARTING, 4), 4, True),
        (recalled(State.READY, 4, died=True), 4, True),
        (recalled(State.READY, 4, attached=True), 5, False),
    ],
)
def test_who_was_ready_under_an_earlier_supervisor_is_not_told_again(
    tmp_path: pathlib.Path, found: Remembered, generation: int, ran: bool
) -> None:
    async def scenario() -> None:
        async with staged(tmp_path, sh("touch ran")) as stage:
            stage.hooks.recall((found,))
            stage.happens("started", generation=generation)
            await stage.hooks.settle()
        assert (tmp_path / "ran").exists() is ran

    asyncio.run(scenario())


def test_one_that_had_to_be_spawned_after_all_is_told(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with staged(tmp_path, sh("touch ran")) as stage:
            stage.hooks.recall((recalled(State.READY, 4, attached=True),))
            stage.happens("starting", generation=5)
            stage.happens("started", generation=5)
            await stage.hooks.settle()
        assert (tmp_path / "ran").exists()

    asyncio.run(scenario())


def test_hooks_that_an_earlier_supervisor_began_are_ended_and_ours_are_not(tmp_path: pathlib.Path) -> None:
    mark = f"{os.urandom(4).hex()}/hook"
    sleepy = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
    env = {"MAMCTL_INSTANCE": mark}
    theirs, ours = (subprocess.Popen(sleepy, env=env, start_new_session=True) for _ in range(2))
    try:
        eventually(lambda: environ_of(theirs.pid) and environ_of(ours.pid), within=5.0)
        end_leftovers(mark, {ours.pid})
        assert theirs.wait(timeout=5) == -9
        assert ours.poll() is None
    finally:
        for process in (theirs, ours):
            process.kill()
            process.wait()


def environ_of(pid: int) -> bytes:
    with open(f"/proc/{pid}/environ", "rb") as file:
        return file.read()


@pytest.mark.parametrize("at_the_end", [False, True])
def test_they_are_ended_when_their_time_is_over_and_at_the_end(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, at_the_end: bool
) -> None:
    async def scenario() -> None:
        async with staged(tmp_path, sh("sleep 60", timeout=60.0 if at_the_end else 0.1)) as stage:
            stage.hooks.recall((recalled(State.READY, 4),))
            if at_the_end:
                await stage.hooks.settle()
            await stage.until(lambda: left.poll() is not None)

    monkeypatch.setattr(dispatch, "REAPING", 0.1)
    env = {"PATH": os.environ["PATH"], "MAMCTL_INSTANCE": "0000/hook"}
    left = subprocess.Popen(["sleep", "60"], env=env, start_new_session=True)
    try:
        asyncio.run(scenario())
        assert left.returncode == -9
    finally:
        left.kill()
        left.wait()
