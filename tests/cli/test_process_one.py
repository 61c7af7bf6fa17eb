"""mamctl as process 1 of a real PID namespace, as in a container."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from terminal import Terminal

from mamctl.cli.init_duties import SUPERVISORS
from tests.scripted import eventually

# An ordinary user needs a namespace of users too, in which he is root.
OTHERWISE = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
UNSHARE = ["unshare", *OTHERWISE, "--pid", "--fork", "--kill-child", "--mount-proc"]
MAMCTL = [sys.executable, "-P", "-m", "mamctl"]
PATIENCE = 45.0  # seconds; on a busy machine everything takes its time
# Each tells when it was asked to stop; the second one needs the first.
SERVICES = """\
services:
  first: {command: [sh, -c, "trap 'echo first stops; exit 0' TERM; echo first runs; sleep 100000 & wait"]}
  second:
    command: [sh, -c, "trap 'echo second stops; exit 0' TERM; echo second runs; sleep 100000 & wait"]
    depends_on: [first]
"""


@cache
def why_not():
    """Why no PID namespace can be made here; None when it can."""
    try:
        done = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True, timeout=PATIENCE, check=False)
    except FileNotFoundError:
        return "unshare is not installed (util-linux)"
    return f"no PID namespace for this user: {done.stderr.strip()}" if done.returncode else None


pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


class Namespace:
    """A command as process 1 of a namespace of its own."""

    def __init__(self, folder, *words):
        self.output = folder / "output"
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        self.environ = {**kept, "HOME": str(folder)}
        with self.output.open("wb") as output:
            self.unshare = subprocess.Popen(
                [*UNSHARE, *MAMCTL, *words],
                cwd=folder, env=self.environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip

    @property
    def init(self):
        """The pid of process 1, outside."""
        return children(self.unshare.pid)[0]

    @property
    def text(self):
        return self.output.read_text()

    def says(self, words):
        eventually(lambda: words in self.text or self.unshare.poll() is not None, within=PATIENCE)
        assert words in self.text

    def ends(self):
        return self.unshare.wait(PATIENCE)

    def enter(self, script):
        """Run a shell script inside, whose parent is outside; return what it prints."""
        done = subprocess.run(
            ["nsenter", "-t", str(self.init), *(["-U", "--preserve-credentials"] if OTHERWISE else []),
             "-p", "-m", "sh", "-c", script],
            env=self.environ, capture_output=True, text=True, timeout=PATIENCE, check=True,
        )  # fmt: skip
        return done.stdout.strip()


@pytest.fixture
def inside(tmp_path):
    (tmp_path / "services.yaml").write_text(SERVICES)
    running = []

    def start(*words):
        running.append(Namespace(tmp_path, *words))
        return running[-1]

    yield start
    for one in running:
        if one.unshare.poll() is None:
            one.unshare.kill()
        one.unshare.wait(10)


def children(pid):
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def in_order(text, *words):
    places = [text.index(word) for word in words]
    return places == sorted(places)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)],
    ids=str,
)
def test_a_signal_is_an_ordered_stop_with_its_own_exit_code(inside, number, code):
    up = inside("up")
    up.says("all 2 ready")
    os.kill(up.init, number)
    assert up.ends() == code
    assert in_order(up.text, "second stops", "first stops", "nothing is left")


def test_zombies_of_others_are_collected(inside):
    up = inside("up")
    up.says("second runs")
    orphan = up.enter("sleep 0.01 >/dev/null & echo $!")
    eventually(lambda: up.enter(f"test -e /proc/{orphan} || echo gone") == "gone", within=PATIENCE)
    assert up.enter("grep -l '^State:.Z' /proc/[0-9]*/status || true") == ""


def test_a_client_that_is_killed_has_its_stack_stopped_in_order(inside):
    up = inside("up")
    up.says("all 2 ready")
    (client,) = children(up.init)
    os.kill(client, signal.SIGKILL)
    assert up.ends() == 137
    first = (up.output.parent / "logs" / "first.log").read_text()
    assert in_order(first, "first runs", "first stops")


def test_a_detached_stack_keeps_process_one_until_it_is_told_to_stop(inside):
    up = inside("up", "-d")
    up.says("ready in")
    eventually(lambda: [is_supervisor(pid) for pid in children(up.init)] == [True], within=PATIENCE)
    os.kill(up.init, signal.SIGTERM)
    assert up.ends() == 0
    logs = up.output.parent / "logs"
    assert in_order((logs / "first.log").read_text(), "first runs", "first stops")


def test_the_code_of_any_command_is_that_of_process_one(inside, tmp_path):
    assert inside("validate").ends() == 0
    (tmp_path / "services.yaml").write_text("services: 1\n")
    assert inside("validate").ends() == 2


@pytest.fixture
def terminal(tmp_path):
    (tmp_path / "services.yaml").write_text(SERVICES)
    shell = Terminal([*UNSHARE, *MAMCTL, "up"], cwd=str(tmp_path), environ={"HOME": str(tmp_path)})
    yield shell
    shell.close()


def test_ctrl_c_on_its_terminal_arrives_once(terminal):
    terminal.expect("all 2 ready", PATIENCE)
    terminal.press("\x03")
    terminal.expect("nothing is left", PATIENCE)
    assert "force" not in terminal.seen
    assert terminal.wait(PATIENCE) == 130


def test_ctrl_z_on_its_terminal_does_not_leave_it_stopped(terminal):
    terminal.expect("all 2 ready", PATIENCE)
    terminal.press("\x1a")
    terminal.press("s")
    terminal.expect("UPTIME|uptime", PATIENCE)
    terminal.press("\x03")
    assert terminal.wait(PATIENCE) == 130


def is_supervisor(pid):
    words = Path(f"/proc/{pid}/cmdline").read_bytes()
    return any(name in words for name in SUPERVISORS)
