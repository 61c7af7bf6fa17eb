"""kill -9 of a detached supervisor while services speak: nothing that they say is lost, and no pid changes."""

from __future__ import annotations

import os
import pathlib
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.core.errors import MamctlError
from tests.system.supervised import Folder, supervised, within

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.system
SPEAKER = str(pathlib.Path(__file__).parent.parent / "runtime" / "speaker.py")
PATIENCE = 10.0


def speaker(*words: str, **ready: Any) -> dict[str, Any]:
    command = [sys.executable, "-S", SPEAKER, *words]
    return {"command": command, "ready": {"notify": True, **ready}, "restart": {"delay": 0}}


def answers(folder: Folder, test: Callable[[], object]) -> bool:
    """Tell whether something holds; a supervisor that is just being replaced says no."""
    try:
        return bool(test())
    except MamctlError:
        return False


def supervisor(folder: Folder) -> dict[str, Any]:
    found: dict[str, Any] = folder.client.request("GET", "/v1/status")["supervisor"]
    return found


def replace(folder: Folder) -> None:
    """Kill the supervisor, and wait for the next one."""
    before = supervisor(folder)["pid"]
    os.kill(before, signal.SIGKILL)
    within(PATIENCE, lambda: answers(folder, lambda: supervisor(folder)["pid"] != before))


def state(folder: Folder, name: str) -> Any:
    return folder.row(name)["state"]


def test_what_services_say_meanwhile_is_heard_by_the_next_supervisor(tmp_path: pathlib.Path) -> None:
    with supervised(tmp_path) as folder:
        folder.start(
            {
                "socket": speaker("STATUS=up", "wait:1", "READY=1|STATUS=well"),
                "pipe": {"command": ["sh", "-c", "sleep 1; echo >&3; exec sleep 60"], "ready": {"notify": {"fd": 3}}},
            }
        )
        within(PATIENCE, lambda: answers(folder, lambda: folder.row("socket")["detail"] == "up"))
        pids = [folder.row(name)["pid"] for name in ("socket", "pipe")]
        replace(folder)
        within(PATIENCE, lambda: [state(folder, name) for name in ("socket", "pipe")] == ["ready", "ready"])
        assert folder.row("socket")["detail"] == "well"
        assert [folder.row(name)["pid"] for name in ("socket", "pipe")] == pids
        folder.down()
        assert os.listdir(os.path.join(folder.place.home, "notify")) == []


def test_the_watchdog_goes_on_over_the_kill_and_bites_who_falls_silent_then(tmp_path: pathlib.Path) -> None:
    with supervised(tmp_path) as folder:
        folder.start({"app": speaker("READY=1", "ping:0.05:50", watchdog="600ms")})
        within(PATIENCE, lambda: answers(folder, lambda: state(folder, "app") == "ready"))
        pid = folder.row("app")["pid"]
        for _ in range(2):
            replace(folder)
            assert folder.row("app")["pid"] == pid
        within(PATIENCE, lambda: folder.row("app")["restarts"] == 1)
        assert folder.row("app")["pid"] != pid
        told = [event["data"]["detail"] for event in folder.events() if event["type"] == "unhealthy"]
        assert told == ["no WATCHDOG=1 came for 0.6 s"]
        folder.down()
