"""Listeners made for supervisord, under real supervisors: superlance's, and one script under both."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import sysconfig
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.core.errors import MamctlError
from mamctl.runtime.crashpoints import VARIABLE
from tests.scripted import eventually
from tests.system.supervised import Folder, supervised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.system
EAR = str(pathlib.Path(__file__).parent.parent / "runtime" / "listeners" / "ear.py")
SCRIPTS = pathlib.Path(sysconfig.get_path("scripts"))
PATIENCE = 15.0


def ear(*words: str, events: tuple[str, ...] = ("PROCESS_STATE",), **keys: Any) -> dict[str, Any]:
    return {"command": [sys.executable, "-S", EAR, *words], "events": list(events), **keys}


def within(test: Callable[[], object]) -> None:
    """Wait until something holds; a supervisor that is just being replaced, or a log not yet there, says no."""

    def holds() -> bool:
        with contextlib.suppress(MamctlError, FileNotFoundError):
            return bool(test())
        return False

    eventually(holds, within=PATIENCE)


def heard(log: str, about: str) -> list[str]:
    """Return what a log of `ear.py` says of one service: `EXITED expected:0 pid:*`, pids left out."""
    lines = []
    for line in log.splitlines():
        _, _, kind, *payload = line.split() if line.startswith("#") else ["", "", ""]
        words = dict(word.split(":") for word in payload)
        if words.get("processname") == about:
            assert words.pop("processname") == words.pop("groupname")
            more = [f"{key}:{'*' if key == 'pid' and value != '0' else value}" for key, value in words.items()]
            lines.append(" ".join([kind.removeprefix("PROCESS_STATE_"), *more]))
    return lines


def supervisor(folder: Folder) -> dict[str, Any]:
    found: dict[str, Any] = folder.client.request("GET", "/v1/status")["supervisor"]
    return found


def test_crashmail_sends_a_mail_when_a_service_dies(tmp_path: pathlib.Path) -> None:
    with supervised(tmp_path) as folder:
        mail = tmp_path / "mail"
        command = [str(SCRIPTS / "crashmail"), "-a", "-o", "shop", "-m", "me@example.org", "-s", f"cat > {mail}"]
        folder.start(
            {
                "crashmail": {"command": command, "events": ["PROCESS_STATE_EXITED"]},
                "web": {"command": ["sh", "-c", "sleep 0.3; exit 3"], "restart": "never"},
                "done": {"command": ["true"], "kind": "task"},
            }
        )
        within(lambda: mail.read_text().endswith("from state RUNNING"))
        to, subject, _, body = mail.read_text().splitlines()
        assert to == "To: me@example.org"
        assert subject.startswith("Subject: shop: web crashed at ")
        assert body.startswith("Process web in group web exited unexpectedly (pid ")
        assert folder.row("crashmail")["state"] == "ready"
        assert "unexpected exit, mailing" in folder.log("crashmail")


def test_memmon_restarts_what_is_too_large_through_the_api_it_knows(tmp_path: pathlib.Path) -> None:
    with supervised(tmp_path) as folder:
        grows = [sys.executable, "-S", "-c", "x = bytearray(60_000_000); import time; time.sleep(1000)"]
        command = [str(SCRIPTS / "memmon"), "-p", "big=40MB"]
        services = {"memmon": {"command": command, "events": ["TICK_5"]}, "big": {"command": grows}}
        folder.start(services)
        within(lambda: folder.row("big")["state"] == "ready")
        before = folder.row("big")["pid"]
        within(lambda: folder.row("big")["pid"] not in (None, before))
        assert "big:big restarted" in folder.log("memmon") or "Restarting big" in folder.log("memmon")


def test_a_listener_does_not_notice_that_its_supervisor_is_killed(tmp_path: pathlib.Path) -> None:
    with supervised(tmp_path) as folder:
        web = {
            "command": ["sh", "-c", "until [ -e die ]; do sleep 0.02; done; rm die; exit 3"],
            "restart": {"delay": 0},
        }
        folder.start({"ear": ear(), "mute": ear("silent"), "web": {**web, "cwd": str(tmp_path)}})
        folder.settle()
        within(lambda: heard(folder.log("ear"), "web")[-1:] == ["RUNNING from_state:STARTING pid:*"])
        pids = [folder.row(name)["pid"] for name in ("ear", "mute")]
        for number in range(1, 3):
            before = supervisor(folder)["pid"]
            os.kill(before, signal.SIGKILL)
            # It dies while nobody supervises it, or just before, or after: that is told all the same, and once.
            (tmp_path / "die").touch()
            within(lambda before=before: supervisor(folder)["pid"] != before)
            within(
                lambda number=number: (
                    heard(folder.log("ear"), "web").count("RUNNING from_state:STARTING pid:*") > number
                )
            )
        crash = ["EXITED from_state:RUNNING expected:0 pid:*", "STARTING from_state:EXITED tries:0"]
        start = "RUNNING from_state:STARTING pid:*"
        assert heard(folder.log("ear"), "web") == ["STARTING from_state:STOPPED tries:0", start, *[*crash, start] * 2]
        serials = [line.split()[0] for line in folder.log("ear").splitlines()]
        assert len(set(serials)) == len(serials)
        assert [folder.row(name)["pid"] for name in ("ear", "mute")] == pids
        folder.down()
        assert not (tmp_path / ".mamctl" / "listeners").exists()


@pytest.mark.parametrize(("point", "told"), [("mid_tell", ["#0", "#0"]), ("mid_hear", ["#0"])])
def test_one_that_was_being_told_something_when_the_supervisor_died_is_restarted_and_told_it_again(
    tmp_path: pathlib.Path, point: str, told: list[str]
) -> None:
    with supervised(tmp_path) as folder:
        folder.environ[VARIABLE] = point
        folder.start({"ear": ear(events=("SUPERVISOR_STATE_CHANGE",))})
        within(lambda: folder.row("ear")["generation"] == 2 and folder.row("ear")["state"] == "ready")
        folder.pids.append(supervisor(folder)["pid"])
        within(lambda: [line.split()[0] for line in folder.log("ear").splitlines()] == told)
        stopped = next(event for event in folder.events() if event["type"] == "stopping")
        assert stopped["data"]["detail"].startswith("nobody knows what it was told last")
        assert (folder.row("ear")["restarts"], folder.row("ear")["detail"]) == (0, None)


def test_one_that_dies_with_its_supervisor_is_told_again_what_it_was_being_told(tmp_path: pathlib.Path) -> None:
    with supervised(tmp_path) as folder:
        folder.start({"ear": ear("silent", events=("SUPERVISOR_STATE_CHANGE",), restart={"delay": 0})})
        within(lambda: "#0 " in folder.log("ear"))
        before, pid = supervisor(folder)["pid"], folder.row("ear")["pid"]
        os.kill(before, signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        within(lambda: folder.log("ear").count("#0 ") == 2)
        within(lambda: folder.row("ear")["pid"] not in (None, pid))
        folder.pids.append(supervisor(folder)["pid"])


def test_a_listener_goes_on_when_the_guardian_is_killed_and_when_a_new_version_takes_over(
    tmp_path: pathlib.Path,
) -> None:
    with supervised(tmp_path) as folder:
        folder.start({"ear": ear(), "web": {"command": ["sleep", "100"]}})
        folder.settle()
        pid = folder.row("ear")["pid"]
        for replace in (kill_the_guardian, reexec):
            before = supervisor(folder)["pid"]
            replace(folder)
            within(lambda before=before: supervisor(folder)["pid"] != before)
            folder.pids.append(supervisor(folder)["pid"])
            known = len(heard(folder.log("ear"), "web"))
            folder.client.request("POST", "/v1/services/web/restart", {"wait": PATIENCE})
            within(lambda known=known: len(heard(folder.log("ear"), "web")) >= known + 4)
        assert folder.row("ear")["pid"] == pid


def kill_the_guardian(folder: Folder) -> None:
    os.kill(supervisor(folder)["guardian_pid"], signal.SIGKILL)


def reexec(folder: Folder) -> None:
    with contextlib.suppress(MamctlError):
        folder.client.request("POST", "/v1/reexec", {})


# One script under both ------------------------------------------------------------------------------------------------

PROGRAMS = {
    "lasts": "exec sleep 100",
    "crashes": "[ -e crashed ] && exec sleep 100; touch crashed; sleep 1.3; exit 3",
    "fails": "exit 3",
    "done": "sleep 1.3; exit 0",
}
EXPECTED = {
    "lasts": [
        "STARTING from_state:STOPPED tries:0",
        "RUNNING from_state:STARTING pid:*",
        "STOPPING from_state:RUNNING pid:*",
        "STOPPED from_state:STOPPING pid:*",
    ],
    "crashes": [
        "STARTING from_state:STOPPED tries:0",
        "RUNNING from_state:STARTING pid:*",
        "EXITED from_state:RUNNING expected:0 pid:*",
        "STARTING from_state:EXITED tries:0",
        "RUNNING from_state:STARTING pid:*",
    ],
    "fails": [
        "STARTING from_state:STOPPED tries:0",
        "BACKOFF from_state:STARTING tries:1",
        "STARTING from_state:BACKOFF tries:1",
        "BACKOFF from_state:STARTING tries:2",
        "FATAL from_state:BACKOFF",
    ],
    "done": [
        "STARTING from_state:STOPPED tries:0",
        "RUNNING from_state:STARTING pid:*",
        "EXITED from_state:RUNNING expected:1 pid:*",
    ],
}


@contextlib.contextmanager
def supervisord(folder: pathlib.Path) -> Iterator[Callable[[str], str]]:
    """Run the real one over the programs; give what runs a command of its client."""
    sections = [
        f"[program:{name}]\ncommand=/bin/sh -c '{script}'\ndirectory={folder}\nstartretries=1\nautorestart=unexpected\n"
        for name, script in PROGRAMS.items()
    ]
    (folder / "s.conf").write_text(
        f"[supervisord]\nlogfile={folder}/s.log\npidfile={folder}/s.pid\nchildlogdir={folder}\n"
        f"[unix_http_server]\nfile={folder}/s.sock\n[supervisorctl]\nserverurl=unix://{folder}/s.sock\n"
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
        f"[eventlistener:ear]\ncommand={sys.executable} -S {EAR}\nevents=PROCESS_STATE\n"
        f"stderr_logfile={folder}/ear.log\nbuffer_size=100\n" + "".join(sections)
    )
    process = subprocess.Popen([SCRIPTS / "supervisord", "-n", "-c", folder / "s.conf"], stdout=subprocess.DEVNULL)

    def control(*words: str) -> str:
        done = subprocess.run(
            [SCRIPTS / "supervisorctl", "-c", folder / "s.conf", *words], capture_output=True, text=True, check=False
        )
        return done.stdout

    try:
        yield control
    finally:
        process.terminate()
        process.wait(PATIENCE)


def test_one_script_hears_the_same_under_supervisord_and_under_mamctl(tmp_path: pathlib.Path) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    theirs.mkdir()
    ours.mkdir()
    with supervisord(theirs) as control, supervised(ours) as folder:
        restart = {"max_attempts": 1, "delay": "50ms"}
        folder.start(
            {
                "ear": ear(),
                **{
                    name: {"command": ["/bin/sh", "-c", script], "cwd": str(ours), "restart": restart}
                    for name, script in PROGRAMS.items()
                },
            }
        )
        logs = {"theirs": (theirs / "ear.log").read_text, "ours": lambda: folder.log("ear")}
        for log in logs.values():
            within(lambda log=log: heard(log(), "lasts")[1:])
        control("stop", "lasts")
        folder.client.request("POST", "/v1/services/lasts/stop", {"wait": PATIENCE})
        for who, log in logs.items():
            for name, expected in EXPECTED.items():
                within(lambda log=log, name=name, expected=expected: len(heard(log(), name)) >= len(expected))
                assert heard(log(), name) == expected, f"{who}: {name}: {json.dumps(heard(log(), name))}"
