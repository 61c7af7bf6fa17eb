"""kill -9 of a detached supervisor while commands about services run, and of one whose services are another user's."""

from __future__ import annotations

import contextlib
import os
import pathlib
import pwd
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.core.errors import MamctlError
from tests.runtime.stack import free_port, lives
from tests.system.supervised import Folder, supervised, within

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.system
DAEMONISER = str(pathlib.Path(__file__).parent.parent / "runtime" / "daemoniser.py")
PATIENCE = 10.0


def answers(folder: Folder, test: Callable[[], object]) -> bool:
    """Tell whether something holds; a supervisor that is just being replaced says no."""
    try:
        return bool(test())
    except MamctlError:
        return False


def supervisor(folder: Folder) -> int:
    return int(folder.client.request("GET", "/v1/status")["supervisor"]["pid"])


def replace(folder: Folder) -> None:
    """Kill the supervisor, and wait for the next one."""
    before = supervisor(folder)
    os.kill(before, signal.SIGKILL)
    within(PATIENCE, lambda: answers(folder, lambda: supervisor(folder) != before))


def model(path: pathlib.Path, *, release: bool) -> dict[str, Any]:
    """An external service that a run step starts."""
    port = free_port()

    def command(word: str) -> list[str]:
        return [sys.executable, "-IS", DAEMONISER, word, str(path), str(port)]

    identify = {"http": "/", "json": {"server": True}, "interval": "100ms"}
    steps = ["attach", {"run": command("start")}]
    entry = {"kind": "external", "port": port, "identify": identify, "acquire": steps}
    return entry | ({"release": {"run": command("stop")}} if release else {})


def server(path: pathlib.Path) -> int:
    return int((path / "pid").read_text())


def is_ready(folder: Folder, name: str) -> bool:
    return answers(folder, lambda: folder.row(name)["state"] == "ready")


def test_what_a_run_step_started_is_known_to_the_next_supervisor_which_releases_it(tmp_path: pathlib.Path) -> None:
    with supervised(tmp_path) as folder:
        folder.start({"m": model(tmp_path, release=True)})
        assert folder.settle()["ok"]
        pid = server(tmp_path)
        replace(folder)
        within(PATIENCE, lambda: is_ready(folder, "m"))
        assert folder.row("m")["detail"] == "started here, by a run step"
        assert (server(tmp_path), lives(pid)) == (pid, True)
        folder.down()
        within(PATIENCE, lambda: not lives(pid))
        assert [(tmp_path / name).read_text() for name in ("started", "stopped")] == ["x", "x"]


def test_what_is_left_outlives_supervisor_and_guardian(tmp_path: pathlib.Path) -> None:
    with supervised(tmp_path) as folder:
        folder.start({"m": model(tmp_path, release=False)})
        assert folder.settle()["ok"]
        replace(folder)
        within(PATIENCE, lambda: is_ready(folder, "m"))
        folder.down()
        pid = server(tmp_path)
        assert lives(pid)
        os.kill(pid, signal.SIGKILL)


def test_a_lost_foreground_run_leaves_what_a_run_step_started(tmp_path: pathlib.Path) -> None:
    with supervised(tmp_path) as folder:
        services = {"m": model(tmp_path, release=False), "a": {"command": ["sleep", "1000"]}}
        guardian = folder.start(services, foreground=True)
        assert folder.settle()["ok"]
        ours = folder.row("a")["pid"]
        os.kill(supervisor(folder), signal.SIGKILL)
        folder.ended(guardian)
        pid = server(tmp_path)
        assert (lives(pid), lives(ours)) == (True, False)
        os.kill(pid, signal.SIGKILL)


def test_a_stop_command_that_was_under_way_is_run_again(tmp_path: pathlib.Path) -> None:
    script = f"echo x >> {tmp_path}/calls; [ -e {tmp_path}/may ] || exec sleep 1000; kill -KILL $MAMCTL_PID"
    stop = {"command": ["/bin/sh", "-c", script], "grace": "30s"}
    calls = tmp_path / "calls"
    with supervised(tmp_path) as folder:
        folder.start({"a": {"command": ["/bin/sh", "-c", "trap '' TERM; exec sleep 1000"], "stop": stop}})
        assert folder.settle()["ok"]
        pid = folder.row("a")["pid"]
        with contextlib.suppress(MamctlError):
            folder.client.request("POST", "/v1/services/a/stop", {"wait": 0.1})
        within(PATIENCE, lambda: calls.exists() and calls.read_text() == "x\n")
        (tmp_path / "may").touch()
        replace(folder)
        within(PATIENCE, lambda: answers(folder, lambda: folder.row("a")["state"] == "stopped"))
        assert calls.read_text() == "x\nx\n"
        assert not lives(pid)
        folder.down()
    # The first one, which nobody waited for any more, was swept with its service: `supervised` would find it.


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start a process as somebody else")
def test_a_service_of_another_user_is_adopted_and_stopped(tmp_path: pathlib.Path) -> None:
    with supervised(tmp_path) as folder:
        folder.start({"a": {"command": ["sleep", "1000"], "user": "nobody", "umask": "027", "cwd": "/"}})
        assert folder.settle()["ok"]
        pid = folder.row("a")["pid"]
        replace(folder)
        found = folder.row("a")
        assert (found["pid"], found["ownership"], found["state"]) == (pid, "adopted", "ready")
        assert os.stat(f"/proc/{pid}").st_uid == pwd.getpwnam("nobody").pw_uid
        assert folder.down()["survivors"] == []
        assert not lives(pid)
