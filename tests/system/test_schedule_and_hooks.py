"""Schedules and hooks of a detached stack, also over kill -9 of its supervisor."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.core.errors import MamctlError
from tests.runtime.stack import lives
from tests.system.supervised import Folder, supervised, within

if TYPE_CHECKING:
    import pathlib

pytestmark = pytest.mark.system
PATIENCE = 10.0


def task(script: str, schedule: object, **keys: Any) -> dict[str, Any]:
    return {"kind": "task", "command": ["sh", "-c", script], "schedule": schedule, **keys}


def lines(folder: Folder, name: str) -> list[str]:
    path = folder.path / name
    return path.read_text().splitlines() if path.exists() else []


def supervisor_pid(folder: Folder) -> int | None:
    """Return the supervisor's pid; None while one is being replaced."""
    try:
        found: int = folder.client.request("GET", "/v1/status")["supervisor"]["pid"]
    except MamctlError:
        return None
    return found


def replace(folder: Folder) -> None:
    """Kill the supervisor, and wait for the next one."""
    before = supervisor_pid(folder)
    assert before is not None
    os.kill(before, signal.SIGKILL)
    within(PATIENCE, lambda: supervisor_pid(folder) not in (None, before))


def test_a_schedule_goes_on_over_a_killed_supervisor_and_no_run_comes_twice(tmp_path: pathlib.Path) -> None:
    with supervised(tmp_path) as folder:
        # The second of each run as `date` says it: a second with two runs would be one that came twice.
        folder.start({"tick": task("date +%s >> ticks", "* * * * * *")})
        report = folder.settle()
        assert report["ok"]
        within(PATIENCE, lambda: len(lines(folder, "ticks")) >= 1)
        replace(folder)
        known = len(lines(folder, "ticks"))
        within(PATIENCE, lambda: len(lines(folder, "ticks")) >= known + 2)
        row = folder.row("tick")
        assert row["wanted"] == "up"
        assert row["next_run_at"] is not None
        folder.down()
        assert max(Counter(lines(folder, "ticks")).values()) == 1
        assert ("tick", "completed") in folder.happened("completed")


def test_a_run_under_way_is_adopted_and_not_doubled(tmp_path: pathlib.Path) -> None:
    with supervised(tmp_path) as folder:
        folder.start({"slow": task("echo $$$$ >> begun; while [ ! -e go ]; do sleep 0.05; done", "* * * * * *")})
        within(PATIENCE, lambda: lines(folder, "begun"))
        (pid,) = lines(folder, "begun")
        replace(folder)
        within(PATIENCE, lambda: folder.row("slow")["ownership"] == "adopted")
        within(PATIENCE, lambda: left_out(folder) >= 1)
        assert lines(folder, "begun") == [pid]
        assert lives(int(pid))
        (tmp_path / "go").touch()
        within(PATIENCE, lambda: len(lines(folder, "begun")) == 2)
        folder.down()


def left_out(folder: Folder) -> int:
    return sum("this one is left out" in text for text in warned(folder))


def warned(folder: Folder) -> list[str]:
    return [event["data"]["detail"] for event in folder.events() if event["type"] == "warning"]


def test_runs_that_were_missed_while_nobody_lived_are_told_once(tmp_path: pathlib.Path) -> None:
    with supervised(tmp_path) as folder:
        guardian = folder.start({"tick": task("date +%s >> ticks", "* * * * * *")})
        within(PATIENCE, lambda: lines(folder, "ticks"))
        brain = supervisor_pid(folder)
        assert brain is not None
        # Held still, it does not see its guardian die, which it would replace.
        for pid, number in ((brain, signal.SIGSTOP), (guardian, signal.SIGKILL), (brain, signal.SIGKILL)):
            os.kill(pid, number)
        folder.ended(guardian)
        folder.ended(brain)
        last = int(lines(folder, "ticks")[-1])
        within(PATIENCE, lambda: time.time() > last + 3.1)
        folder.start()
        within(PATIENCE, lambda: int(lines(folder, "ticks")[-1]) > last)
        folder.down()
        (warning,) = [text for text in warned(folder) if "missed" in text]
        assert warning.split(" ", 1)[1].startswith(("runs were missed", "run was missed"))


def test_after_down_nothing_is_missed(tmp_path: pathlib.Path) -> None:
    with supervised(tmp_path) as folder:
        folder.start({"tick": task("echo ran >> ran", "* * * * * *")})
        within(PATIENCE, lambda: lines(folder, "ran"))
        folder.down()
        ended = time.time()
        within(PATIENCE, lambda: time.time() > ended + 1.1)
        folder.start()
        known = len(lines(folder, "ran"))
        within(PATIENCE, lambda: len(lines(folder, "ran")) > known)
        folder.down()
        assert warned(folder) == []


def test_the_next_time_is_told_in_words_and_in_utc(tmp_path: pathlib.Path) -> None:
    with supervised(tmp_path) as folder:
        folder.start({"hourly": task("true", {"cron": "0 * * * *", "timezone": "Asia/Kathmandu"})})
        folder.settle()
        row = folder.row("hourly")
        assert row["next_run_at"].endswith(":15:00Z")
        assert row["detail"].startswith("next run at ")
        assert (row["state"], row["reason"]) == ("waiting", "scheduled")
        folder.down()


def test_start_runs_a_scheduled_task_now_and_up_does_not(tmp_path: pathlib.Path) -> None:
    with supervised(tmp_path) as folder:
        folder.start({"nightly": task("echo ran >> ran", {"cron": "0 3 * * *", "timezone": "Europe/Berlin"})})
        report = folder.settle()
        assert (report["ok"], report["settled"]) == (True, True)
        assert folder.row("nightly")["state"] == "waiting"
        folder.client.request("POST", "/v1/services/nightly/start", {"wait": PATIENCE})
        assert lines(folder, "ran") == ["ran"]
        assert folder.row("nightly")["state"] == "completed"
        folder.down()


def test_a_foreground_run_goes_on_while_a_task_waits_for_its_time(tmp_path: pathlib.Path) -> None:
    with supervised(tmp_path) as folder:
        pid = folder.start({"tick": task("echo ran >> ran", "* * * * * *")}, foreground=True)
        within(PATIENCE, lambda: len(lines(folder, "ran")) >= 2)
        assert lives(pid)
        folder.down()


def hooked(folder: Folder, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(folder, name)]


def test_hooks_are_run_once_for_each_event_also_over_a_killed_supervisor(tmp_path: pathlib.Path) -> None:
    keep = {moment: ["sh", "-c", f"cat >> {moment}"] for moment in ("on_start", "on_ready", "on_restart", "on_stop")}
    with supervised(tmp_path) as folder:
        folder.start({"web": {"command": ["sleep", "60"], "hooks": keep, "restart": {"delay": 0}}})
        folder.settle()
        within(PATIENCE, lambda: hooked(folder, "on_ready"))
        replace(folder)
        within(PATIENCE, lambda: folder.row("web")["state"] == "ready")
        os.kill(folder.row("web")["pid"], signal.SIGKILL)
        within(PATIENCE, lambda: len(hooked(folder, "on_ready")) == 2)
        folder.down()
        generations = {moment: [told["generation"] for told in hooked(folder, moment)] for moment in keep}
        assert generations == {"on_start": [1, 2], "on_ready": [1, 2], "on_restart": [1], "on_stop": [2]}


def test_down_waits_for_what_is_run_at_the_stop_and_leaves_nothing(tmp_path: pathlib.Path) -> None:
    with supervised(tmp_path) as folder:
        stop = {"exec": ["sh", "-c", "sleep 0.3; echo bye >> bye"], "timeout": "5s"}
        hang = {"exec": ["sh", "-c", "echo $$$$ >> hangs; exec sleep 60"], "timeout": "500ms"}
        folder.start(
            {
                "web": {"command": ["sleep", "60"], "hooks": {"on_stop": stop}},
                "other": {"command": ["sleep", "60"], "hooks": {"on_stop": hang}},
            }
        )
        folder.settle()
        folder.down()
        assert lines(folder, "bye") == ["bye"]
        (pid,) = lines(folder, "hangs")
        assert not lives(int(pid))
        assert warned(folder) == ["hook on_stop failed: sh did not end within 0.5 s, so it was killed"]


def test_a_run_that_ends_by_itself_waits_for_its_hooks(tmp_path: pathlib.Path) -> None:
    with supervised(tmp_path) as folder:
        done = {"on_complete": ["sh", "-c", "sleep 0.3; echo done >> done"]}
        pid = folder.start({"once": {"kind": "task", "command": ["true"], "hooks": done}}, foreground=True)
        folder.ended(pid)
        assert lines(folder, "done") == ["done"]


@pytest.mark.slow
def test_every_minute_is_every_minute(tmp_path: pathlib.Path) -> None:
    with supervised(tmp_path) as folder:
        folder.start({"minutely": task("date +%S >> seconds", "* * * * *")})
        folder.settle()
        assert folder.row("minutely")["reason"] == "scheduled"
        within(70.0, lambda: lines(folder, "seconds"))
        assert lines(folder, "seconds") == ["00"]
        within(PATIENCE, lambda: folder.row("minutely")["state"] == "completed")
        folder.down()
