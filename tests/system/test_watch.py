"""Services that watch their files, under a real supervisor: mended, rewritten, killed over, and left alone."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.core.errors import MamctlError
from mamctl.core.rerun import MOST
from tests.runtime.stack import lives
from tests.system.supervised import within

if TYPE_CHECKING:
    from tests.system.supervised import Folder

pytestmark = pytest.mark.system

GOOD = "import time\nprint('version', 1, flush=True)\ntime.sleep(1000)\n"
PATIENCE = 10.0


def script(folder: Folder, text: str) -> None:
    """Save the service's source as editors do: beside it, and renamed."""
    source = folder.path / "src/app.py"
    source.parent.mkdir(exist_ok=True)
    beside = source.with_name("app.py~")
    beside.write_text(text)
    beside.rename(source)


def watching(**keys: Any) -> dict[str, Any]:
    command = [sys.executable, "-S", "src/app.py"]
    return {"command": command, "watch": {"paths": ["src"], "debounce": "50ms"}, **keys}


def begin(folder: Folder, **keys: Any) -> None:
    script(folder, GOOD)
    folder.start({"app": watching(**keys)})
    assert folder.settle()["ok"]


def restarted(folder: Folder, generation: int) -> dict[str, Any]:
    within(PATIENCE, lambda: folder.row("app")["generation"] == generation and folder.row("app")["state"] == "ready")
    return folder.row("app")


def supervisor(folder: Folder) -> int | None:
    """Return its pid; None while it is being replaced."""
    try:
        return int(folder.client.request("GET", "/v1/status")["supervisor"]["pid"])
    except MamctlError:
        return None


def test_a_save_restarts_it_gracefully_and_says_why(folder: Folder) -> None:
    begin(folder)
    script(folder, GOOD.replace("1,", "2,"))
    row = restarted(folder, 2)
    assert row["restarts"] == 0
    assert folder.log("app").split() == ["version", "1", "version", "2"]
    (event,) = [event for event in folder.events() if event["type"] == "restarting"]
    assert (event["data"]["reason"], event["data"]["detail"]) == ("changed_on_disk", "src/app.py changed")
    folder.down()


def test_one_that_fails_by_a_wrong_line_is_started_when_that_is_mended(folder: Folder) -> None:
    script(folder, "this is no Python\n")
    folder.start({"app": watching(restart={"delay": 0, "max_attempts": 1})})
    folder.settle()
    assert (folder.row("app")["state"], folder.row("app")["reason"]) == ("failed", "gave_up")
    script(folder, GOOD)
    assert restarted(folder, 3)["reason"] is None
    folder.down()


def test_one_that_the_operator_stopped_is_not_started_by_a_change(folder: Folder) -> None:
    script(folder, GOOD)
    folder.start({"app": watching(), "other": watching()})
    assert folder.settle()["ok"]
    folder.client.request("POST", "/v1/services/app/stop", {"wait": PATIENCE})
    script(folder, GOOD)
    within(PATIENCE, lambda: ("other", "restarting") in folder.happened("restarting"))
    assert folder.row("app")["state"] == "stopped"
    folder.down()


def test_the_next_supervisor_watches_again(folder: Folder) -> None:
    begin(folder)
    brain = supervisor(folder)
    assert brain is not None
    os.kill(brain, signal.SIGKILL)
    within(PATIENCE, lambda: not lives(brain))
    within(PATIENCE, lambda: supervisor(folder) not in (brain, None))
    assert folder.row("app")["generation"] == 1
    script(folder, GOOD)
    assert restarted(folder, 2)["ownership"] == "managed"
    folder.down()


def test_one_that_writes_what_it_watches_comes_to_rest_and_its_operator_hears_of_it(folder: Folder) -> None:
    # Each start writes a file anew, as code generators do.
    script(folder, "open('src/made.txt', 'w').write('x')\n" + GOOD)
    folder.start({"app": watching()})
    within(30, lambda: ("app", "warning") in folder.happened("warning"))
    assert folder.row("app")["generation"] <= MOST + 1
    assert folder.settle()["ok"]
    warning = next(event for event in folder.events() if event["type"] == "warning")
    assert "`mamctl restart app` watches again" in warning["data"]["detail"]
    folder.down()


def test_where_there_is_no_inotify_the_files_are_looked_at(folder: Folder) -> None:
    folder.environ["MAMCTL_WITHOUT"] = "inotify"
    begin(folder)
    within(PATIENCE, lambda: (None, "warning") in folder.happened("warning"))
    script(folder, GOOD)
    restarted(folder, 2)
    folder.down()


def test_a_changed_manifest_watches_something_else_and_restarts_nothing(folder: Folder) -> None:
    begin(folder)
    (folder.path / "web").mkdir()
    folder.write({"app": watching() | {"watch": {"paths": ["web"], "debounce": "50ms"}}})
    folder.client.request("POST", "/v1/up", {"wait": PATIENCE})
    assert folder.row("app")["generation"] == 1
    script(folder, GOOD)
    (folder.path / "web/page.html").touch()
    restarted(folder, 2)
    details = [event["data"]["detail"] for event in folder.events() if event["type"] == "restarting"]
    assert details == ["web/page.html changed"]
    folder.down()


def test_a_task_runs_again(folder: Folder) -> None:
    script(folder, "print('made', flush=True)\n")
    folder.start({"app": watching(kind="task")})
    assert folder.settle()["ok"]
    script(folder, "print('made again', flush=True)\n")
    within(PATIENCE, lambda: folder.log("app") == "made\nmade again\n")
    within(PATIENCE, lambda: folder.row("app")["state"] == "completed")
    folder.down()
