"""The real supervisorctl, as a process, on a real supervisor: over the Unix socket and over TCP with a password."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from mamctl.control.xmlrpc.asking import SUPERVISOR_VERSION
from tests.runtime.stack import free_port
from tests.runtime.stack import service as misbehaving
from tests.scripted import eventually

if TYPE_CHECKING:
    from tests.system.supervised import Folder

pytestmark = pytest.mark.system

PATIENCE = 20.0
SLEEP = {"command": ["sleep", "1000"]}
SERVICES: dict[str, Any] = {
    "web": misbehaving("--print", "one", "--print", "two", ready={"log": "two"}),
    "worker": {**SLEEP, "replicas": 2},
    "later": {**SLEEP, "manual": True},
    "missing": {"command": ["/none/such"], "manual": True},
}


class Ran(NamedTuple):
    """What a command printed, and its exit code."""

    text: str
    code: int


class Ctl:
    """supervisorctl, on one address."""

    def __init__(self, *options: str) -> None:
        # -c: it must not find a configuration of this machine. Its own warnings are not ours to answer for.
        self.command = [sys.executable, "-W", "ignore", "-m", "supervisor.supervisorctl", *options]

    def __call__(self, *words: str) -> Ran:
        done = subprocess.run(
            [*self.command, *words], capture_output=True, text=True, timeout=PATIENCE, check=False, cwd="/"
        )
        return Ran(done.stdout, done.returncode)

    def following(self, *words: str) -> subprocess.Popen[str]:
        """Start one that follows a log."""
        return subprocess.Popen([*self.command, *words], stdout=subprocess.PIPE, text=True, cwd="/")


def over_the_socket(folder: Folder) -> Ctl:
    return Ctl("-s", f"unix://{folder.place.socket}")


def begin(folder: Folder, services: dict[str, Any] = SERVICES) -> Ctl:
    folder.start(services)
    folder.settle()
    return over_the_socket(folder)


def brain(folder: Folder) -> int:
    return int(folder.client.request("GET", "/v1/status")["supervisor"]["pid"])


def states(text: str) -> dict[str, str]:
    return {line.split()[0]: line.split()[1] for line in text.splitlines()}


def test_the_table_and_its_exit_code(folder: Folder) -> None:
    ctl = begin(folder)
    text, code = ctl("status")
    assert states(text) == {
        "later": "STOPPED", "missing": "STOPPED", "web": "RUNNING",
        "worker:worker-1": "RUNNING", "worker:worker-2": "RUNNING",
    }  # fmt: skip
    assert code == 3
    assert re.search(r"^web {30}RUNNING   pid \d+, uptime 0:0\d:\d\d$", text, re.MULTILINE)
    assert re.search(r"^later {28}STOPPED   Not started$", text, re.MULTILINE)
    assert ctl("status", "web", "worker:*").code == 0
    assert ctl("status", "nosuch").code == 4
    assert ctl("version").text.strip() == SUPERVISOR_VERSION
    assert ctl("pid").text.strip() == str(brain(folder))
    assert ctl("pid", "web").text.strip() == str(folder.row("web")["pid"])
    assert [line.split()[:3] for line in ctl("avail").text.splitlines()][:2] == [
        ["later", "in", "use"], ["missing", "in", "use"]
    ]  # fmt: skip


def test_start_stop_restart_and_signal(folder: Folder) -> None:
    ctl = begin(folder)
    assert ctl("start", "later") == Ran("later: started\n", 0)
    assert ctl("start", "later") == Ran("later: ERROR (already started)\n", 0)
    assert ctl("stop", "later", "worker:*") == Ran(
        "later: stopped\nworker:worker-1: stopped\nworker:worker-2: stopped\n", 0
    )
    assert ctl("start", "missing") == Ran("missing: ERROR (no such file)\n", 1)
    assert ctl("start", "nosuch") == Ran("nosuch: ERROR (no such process)\n", 1)
    before = folder.row("web")["pid"]
    assert ctl("restart", "web") == Ran("web: stopped\nweb: started\n", 0)
    assert folder.row("web")["pid"] != before
    assert ctl("signal", "CONT", "web") == Ran("web: signalled\n", 0)
    assert ctl("signal", "NOPE", "web") == Ran("web: ERROR (bad signal name)\n", 1)
    assert ctl("clear", "web") == Ran("web: cleared\n", 0)


def test_logs_and_their_tails(folder: Folder) -> None:
    ctl = begin(folder)
    assert ctl("tail", "-4", "web") == Ran("two\n\n", 0)
    assert ctl("tail", "web", "stderr") == Ran("web: ERROR (no log file)\n", 1)
    assert "supervisor-started" in ctl("maintail", "-9999").text
    with ctl.following("tail", "-f", "web") as follower:
        assert follower.stdout is not None
        try:
            assert [follower.stdout.readline() for _ in range(3)] == [
                "==> Press Ctrl-C to exit <==\n",
                "one\n",
                "two\n",
            ]
            ctl("restart", "web")
            assert [follower.stdout.readline() for _ in range(2)] == ["one\n", "two\n"]
        finally:
            follower.send_signal(signal.SIGINT)


def test_reread_and_update(folder: Folder) -> None:
    ctl = begin(folder)
    web = folder.row("web")["pid"]
    kept = {name: keys for name, keys in SERVICES.items() if name != "missing"}
    folder.write({**kept, "worker": {"command": ["sleep", "2000"], "replicas": 1}, "new": SLEEP})
    assert ctl("reread").text == "missing: disappeared\nnew: available\nworker: changed\n"
    assert ctl("update").text == (
        "missing: stopped\nmissing: removed process group\nworker: stopped\nworker: updated process group\n"
        "new: added process group\n"
    )
    folder.settle()
    assert states(ctl("status").text) == {
        "later": "STOPPED", "new": "RUNNING", "web": "RUNNING", "worker:worker-1": "RUNNING"
    }  # fmt: skip
    assert folder.row("web")["pid"] == web
    assert ctl("reread").text == "No config updates to processes\n"
    folder.manifest.write_text("services: {web: {comand: x}}")
    found = ctl("reread")
    assert found.code == 1
    assert "CANT_REREAD" in found.text
    assert "unknown key" in found.text


def test_what_was_updated_in_part_holds_after_kill_9_of_the_supervisor(folder: Folder) -> None:
    ctl = begin(folder)
    folder.write({**SERVICES, "worker": {"command": ["sleep", "2000"], "replicas": 3}, "new": SLEEP})
    assert ctl("update", "new").text == "new: added process group\n"
    folder.settle()
    os.kill(killed := brain(folder), signal.SIGKILL)
    # Whoever asks meanwhile is kept waiting by the socket.
    assert states(ctl("status", "all").text)["new"] == "RUNNING"
    assert brain(folder) != killed
    folder.pids.append(brain(folder))
    assert ctl("reread").text == "worker: changed\n"
    assert {name for name in states(ctl("status").text) if name.startswith("worker")} == {
        "worker:worker-1",
        "worker:worker-2",
    }


def test_over_tcp_with_the_token_as_password_and_only_then(folder: Folder) -> None:
    port = free_port()
    folder.write({"web": SLEEP}, control={"listen": f"127.0.0.1:{port}", "xmlrpc": True})
    folder.start()
    folder.settle()
    token = pathlib.Path(folder.place.home, "token")
    url = ("-s", f"http://127.0.0.1:{port}")
    eventually(lambda: Ctl(*url)("version").code != 4, within=PATIENCE)
    ctl = Ctl(*url, "-u", "mamctl", "-p", token.read_text().strip())
    assert states(ctl("status").text) == {"web": "RUNNING"}
    for options in ((), ("-u", "mamctl", "-p", "wrong")):
        found = Ctl(*url, *options)("status")
        assert found.text.startswith("Server requires authentication\n")
        assert found.code == 1
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as kept:
        folder.write({"web": SLEEP}, control={"listen": f"127.0.0.1:{port}"})
        folder.client.request("POST", "/v1/up", {"wait": PATIENCE}, timeout=PATIENCE)
        eventually(lambda: "404 Not Found" in ctl("status").text, within=PATIENCE)
        # Who is connected by other reasons stays so.
        kept.sendall(b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert kept.recv(100).startswith(b"HTTP/1.1 401 ")


def test_reload_starts_anew_and_shutdown_ends_all(folder: Folder) -> None:
    ctl = begin(folder)
    before = folder.row("web")["pid"]
    assert ctl("reload") == Ran("Restarted supervisord\n", 0)
    folder.settle()
    assert folder.row("web")["pid"] != before
    assert ctl("shutdown") == Ran("Shut down\n", 0)
    folder.ended(folder.pids[-1])
    assert ctl("status").code == 4
    assert folder.processes() == []
