"""`mamctl smoke`: what it tells, and that it takes down what it started and nothing else, however it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from terminal import Terminal

from tests.runtime.stack import lives
from tests.scripted import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAMCTL = (sys.executable, "-m", "mamctl.cli.main")
WEB = """\
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print("asked for", self.path, flush=True)
        body = b'{"id": 7, "key": "hunter22"}'
        self.send_response(500 if "bad" in self.path else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
SERVICES: dict[str, Any] = {
    "web": {"command": [sys.executable, "web.py"], "port": "auto", "env": {"KEY": "hunter22"}, "secrets": ["KEY"]},
    "job": {"kind": "task", "command": ["sh", "-c", "echo done >> jobs"]},
    "worker": {"command": ["sleep", "1000"], "depends_on": ["job"]},
}
GOOD = {"name": "it answers", "http": "${services.web.url}/", "expect": {"json": {"id": 7}}, "save": {"id": "json.id"}}
USES = {"name": "its id is good", "http": "${services.web.url}/${id}"}
BAD = {"name": "it is bad", "http": "${services.web.url}/bad"}
SLOW = {"name": "slow", "exec": ["sh", "-c", "echo $$$$ > slow; exec sleep 1000"], "timeout": "1h"}


class Folder:
    """A folder with a manifest, and mamctl in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "web.py").write_text(WEB)

    def write(self, *steps: Any, **services: Any) -> None:
        manifest = {"name": "t", "services": {**SERVICES, **services}, "smoke": list(steps)}
        (self.path / "services.yaml").write_text(json.dumps(manifest))

    def mamctl(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*MAMCTL, *words], cwd=self.path, env=self.environ(**environ), capture_output=True, text=True, check=False,
            timeout=60,
        )  # fmt: skip

    def begin(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*MAMCTL, *words],
            cwd=self.path,
            env=self.environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def environ(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
        return {**kept, "COLUMNS": "100", **more}

    def rows(self) -> dict[str, dict[str, Any]]:
        found = json.loads(self.mamctl("status", "--json").stdout)
        return {row["name"]: row for row in found["services"]} if found["supervisor"] else {}

    def states(self) -> dict[str, str]:
        return {name: row["state"] for name, row in self.rows().items()}

    def slow_pid(self) -> int:
        """Wait until the slow step runs."""
        eventually(lambda: (self.path / "slow").exists() and (self.path / "slow").read_text().strip(), within=30)
        return int((self.path / "slow").read_text())


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    found = Folder(tmp_path)
    yield found
    found.mamctl("down", "--timeout", "5s")


def document(done: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(done.stdout)


def verdicts(found: Any) -> dict[str, str]:
    return {step["name"]: step["verdict"] for step in found["steps"]}


def test_without_a_supervisor_it_says_how_to_have_one(folder: Folder) -> None:
    folder.write(GOOD)
    done = folder.mamctl("smoke")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.splitlines()[0] == "error: nothing runs that could be tried"
    assert "`mamctl smoke --up`" in done.stderr


def test_without_steps_or_with_bad_ones_it_is_a_usage_error(folder: Folder) -> None:
    folder.write()
    done = folder.mamctl("smoke", "--up")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error: the manifest has no smoke steps")
    folder.write({"htp": "x"})
    done = folder.mamctl("smoke", "--up")
    assert done.returncode == 2
    assert "smoke[0].htp: unknown key" in done.stderr
    folder.write(GOOD)
    done = folder.mamctl("smoke", "--up", "--junit", "no/such/folder.xml")
    assert done.returncode == 2
    assert not (folder.path / ".mamctl").exists()


@pytest.mark.slow
def test_a_good_run_brings_all_up_and_takes_all_down(folder: Folder) -> None:
    folder.write(GOOD, USES)
    done = folder.mamctl("smoke", "--up")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert [line[0] for line in lines[:3]] == ["✓", "✓", "✓"]
    assert lines[0].startswith("✓ the stack is up ")
    assert lines[-1].startswith("3 of 3 steps passed in ")
    assert folder.rows() == {}


@pytest.mark.slow
def test_a_failure_is_told_with_its_cause_its_service_and_its_last_lines(folder: Folder) -> None:
    folder.write(GOOD, BAD, {"name": "not saved", "http": "${services.web.url}/x", "save": {"y": "json.y"}},
                 {"name": "needs it", "exec": ["echo", "${y}"]}, {"name": "still tried", "exec": ["true"]})  # fmt: skip
    report = folder.path / "out.xml"
    done = folder.mamctl("smoke", "--up", "--junit", str(report), GITHUB_ACTIONS="true")
    assert done.returncode == 1
    assert 'status is 500, expected below 400; it said: {"id": 7, "key": "********"}' in done.stdout
    assert "  web is ready\n" in done.stdout
    assert "  │ asked for /bad\n" in done.stdout
    assert "needs ${y}, which no step saved" in done.stdout
    assert "✓ still tried" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("2 failed, 1 skipped")
    assert "hunter22" not in done.stdout + done.stderr + report.read_text()
    annotations = [line for line in done.stderr.splitlines() if line.startswith("::error ")]
    assert annotations[0].startswith("::error file=services.yaml,line=1,title=smoke%3A it is bad::status is 500")
    suite = ET.parse(report).getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("6", "2", "1")
    failure = suite.find("testcase[@name='it is bad']/failure")
    assert failure is not None
    assert failure.get("message", "").startswith("status is 500, expected below 400")
    assert "asked for /bad" in (failure.text or "")
    assert folder.rows() == {}


@pytest.mark.slow
def test_beside_a_running_stack_only_what_was_started_is_stopped(folder: Folder) -> None:
    folder.write(GOOD, USES)
    assert folder.mamctl("up", "-d", "web").returncode == 0
    before = folder.rows()
    done = folder.mamctl("smoke", "--up", "--json")
    found = document(done)
    assert (done.returncode, found["ok"], sorted(found["started"])) == (0, True, ["job", "worker"])
    after = folder.rows()
    assert (after["web"]["pid"], after["web"]["state"]) == (before["web"]["pid"], "ready")
    assert (after["worker"]["state"], after["worker"]["wanted"]) == ("stopped", "down")
    assert after["job"]["state"] == "completed"


@pytest.mark.slow
def test_a_stack_that_is_up_is_only_tried(folder: Folder) -> None:
    folder.write(GOOD, BAD)
    assert folder.mamctl("up", "-d").returncode == 0
    before = folder.rows()
    done = folder.mamctl("smoke", "--up", "--json", "--fail-fast")
    assert (done.returncode, document(done)["started"]) == (1, [])
    assert folder.mamctl("smoke", "--json").returncode == 1
    pids = {name: row["pid"] for name, row in folder.rows().items()}
    assert pids == {name: row["pid"] for name, row in before.items()}
    assert (folder.path / "jobs").read_text() == "done\n"


@pytest.mark.slow
def test_what_a_dead_supervisor_left_is_taken_over_and_stays(folder: Folder) -> None:
    folder.write(GOOD)
    assert folder.mamctl("up", "-d", "web").returncode == 0
    status = json.loads(folder.mamctl("status", "--json").stdout)
    web = folder.rows()["web"]["pid"]
    for pid in (status["supervisor"]["guardian_pid"], status["supervisor"]["pid"]):
        os.kill(pid, signal.SIGSTOP)
    for pid in (status["supervisor"]["guardian_pid"], status["supervisor"]["pid"]):
        os.kill(pid, signal.SIGKILL)
        eventually(lambda pid=pid: not lives(pid))
    done = folder.mamctl("smoke", "--up")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "its supervisor had died; taking over what it left: web" in done.stderr
    assert lives(web)
    assert {name: row["state"] for name, row in folder.rows().items() if row["pid"]} == {"web": "ready"}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_all_that_it_started(folder: Folder, number: signal.Signals) -> None:
    folder.write(GOOD, SLOW, USES)
    report = folder.path / "out.xml"
    run = folder.begin("smoke", "--up", "--junit", str(report))
    pid = folder.slow_pid()
    web = folder.rows()["web"]["pid"]
    run.send_signal(number)
    out, err = run.communicate(timeout=30)
    assert run.returncode == 128 + number, err
    assert "the run was interrupted" in out
    assert not lives(pid)
    assert not lives(web)
    assert folder.rows() == {}
    suite = ET.parse(report).getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "1", "1")


@pytest.mark.slow
def test_ctrl_c_beside_a_running_stack_stops_only_what_was_started(folder: Folder) -> None:
    folder.write(SLOW)
    assert folder.mamctl("up", "-d", "web").returncode == 0
    web = folder.rows()["web"]["pid"]
    run = folder.begin("smoke", "--up")
    folder.slow_pid()
    assert folder.states()["worker"] == "ready"
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=30)
    assert run.returncode == 130
    assert folder.states() == {"web": "ready", "job": "completed", "worker": "stopped"}
    assert folder.rows()["web"]["pid"] == web


@pytest.mark.slow
def test_ctrl_c_while_the_stack_comes_up_takes_it_down(folder: Folder) -> None:
    folder.write(GOOD, never={"command": ["sleep", "1000"], "ready": {"exec": ["false"]}, "start_timeout": "1h"})
    run = folder.begin("smoke", "--up")
    eventually(lambda: folder.states().get("never") == "starting", within=30)
    pid = folder.rows()["never"]["pid"]
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate(timeout=30)
    assert run.returncode == 130
    assert "0 of 1 step passed" in out
    assert not lives(pid)
    assert folder.rows() == {}


@pytest.mark.slow
def test_kill_9_leaves_nothing_of_a_stack_that_it_brought_up(folder: Folder) -> None:
    folder.write(SLOW)
    run = folder.begin("smoke", "--up")
    step = folder.slow_pid()
    web = folder.rows()["web"]["pid"]
    run.kill()
    run.communicate(timeout=30)
    eventually(lambda: not lives(step) and not lives(web) and folder.rows() == {}, within=20)


@pytest.mark.slow
def test_kill_9_leaves_nothing_of_a_step_beside_a_stack_that_stays(folder: Folder) -> None:
    forking = "sleep 1000 & echo $$$$ $$! > pids.new; mv pids.new pids; trap '' TERM HUP INT; wait"
    folder.write({"name": "forking", "exec": ["sh", "-c", forking], "timeout": "1h"})
    assert folder.mamctl("up", "-d", "web").returncode == 0
    web = folder.rows()["web"]["pid"]
    run = folder.begin("smoke")
    eventually((folder.path / "pids").exists, within=30)
    pids = [int(word) for word in (folder.path / "pids").read_text().split()]
    assert all(map(lives, pids))
    run.kill()
    run.communicate(timeout=30)
    eventually(lambda: not any(map(lives, pids)), within=20)
    assert lives(web)


@pytest.mark.slow
def test_after_the_timeout_it_ends_with_5_and_takes_all_down(folder: Folder) -> None:
    folder.write(GOOD, SLOW, USES)
    done = folder.mamctl("smoke", "--up", "--json", "--timeout", "5s")
    found = document(done)
    assert (done.returncode, found["timed_out"]) == (5, True), done.stdout + done.stderr
    assert verdicts(found) == {
        "the stack is up": "passed", "it answers": "passed", "slow": "failed", "its id is good": "skipped",
    }  # fmt: skip
    assert folder.rows() == {}


@pytest.mark.slow
def test_a_stack_that_does_not_come_up_is_a_failed_step_and_the_rest_is_not_tried(folder: Folder) -> None:
    folder.write(GOOD, broken={"command": ["sh", "-c", "echo no config; exit 78"]})
    done = folder.mamctl("smoke", "--up")
    assert done.returncode == 1
    assert "broken did not become ready" in done.stdout
    assert "  │ no config" in done.stdout
    assert "not tried: the stack is up did not come true" in done.stdout
    assert folder.rows() == {}


@pytest.mark.slow
def test_on_a_terminal_the_step_under_way_is_shown(folder: Folder) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        folder.write(GOOD, {"name": "later", "tcp": f"127.0.0.1:{port}", "within": "30s"})
        assert folder.mamctl("up", "-d").returncode == 0
        terminal = Terminal([*MAMCTL, "smoke"], cwd=str(folder.path), environ={"HOME": str(folder.path)})
        try:
            terminal.expect("✓ it answers ")
            terminal.expect(r"later, \d\.\d s of 30 s")
            free.listen()
            terminal.expect("✓ later ")
            terminal.expect("2 of 2 steps passed")
            assert terminal.wait() == 0
        finally:
            terminal.close()
