"""The scriptable service does what its docstring says: what the other tests stand on."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from mamctl.core.manifest.model import HttpProbe, Probe, TcpProbe
from mamctl.runtime.probes import Context, Outcome, Prober
from mamctl.runtime.processes import read
from tests import misbehave
from tests.scripted import COMMAND, eventually, misbehaving


def run(*options, **more):
    return subprocess.run([*COMMAND, *options], capture_output=True, timeout=10, check=False, **more)


def ask(port, path="/", timeout=5.0) -> Outcome:
    check = HttpProbe(f"http://127.0.0.1:{port}{path}")
    return asyncio.run(Prober().check(Probe(check, timeout=timeout), Context()))


def test_it_prints_in_the_order_it_was_told():
    words = ["--print", "one", "--partial", "two ", "--echo-env", "MARK", "--echo-env", "NONE", "--exit", "3"]
    done = run(*words, env={"MARK": "m"})
    assert (done.stdout, done.returncode) == (b"one\ntwo MARK=m\nNONE is not set\n", 3)


def test_it_writes_to_stderr():
    done = run("--stderr", "oops", "--exit", "0")
    assert (done.stdout, done.stderr) == (b"", b"oops\n")


def test_a_flood_is_numbered_lines_of_100_bytes():
    lines = run("--flood", "100000", "--exit", "0").stdout.splitlines(keepends=True)
    assert [int(line) for line in lines] == list(range(1000))
    assert {len(line) for line in lines} == {100}


def test_garbage_is_no_text_and_a_long_line_is_one():
    done = run("--garbage", "--long-line", "70000", "--exit", "0")
    with pytest.raises(UnicodeDecodeError):
        done.stdout.decode()
    assert b"\0" in done.stdout
    assert done.stdout.endswith(b"\n" + b"x" * 70000 + b"\n")


def test_it_can_end_later_and_by_a_signal():
    assert run("--exit", "-11", "--after", "0.02").returncode == -signal.SIGSEGV


def test_term_ends_it_unless_it_was_told_to_ignore_that():
    with misbehaving("--print", "up") as service:
        service.line()
        service.process.terminate()
        assert service.process.wait(5) == -signal.SIGTERM
    with misbehaving("--ignore-term", "--print", "up") as service:
        service.line()
        service.process.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            service.process.wait(0.05)


def test_it_is_ready_when_it_was_told_to_be():
    with misbehaving("--print", "up", "--ready-after", "0.1", "--port", 0) as service:
        service.line()
        port = service.port()
        assert asyncio.run(Prober().check(Probe(TcpProbe("127.0.0.1", port)), Context())).ok


def test_it_answers_http_and_changes_its_mind():
    with misbehaving("--port", 0, "--http", "--http-status-after", "2:500") as service:
        port = service.port()
        assert [ask(port).detail for _ in range(3)] == ["HTTP 200", "HTTP 500", "HTTP 500"]


def test_it_becomes_unhealthy():
    with misbehaving("--port", 0, "--http", "--unhealthy-after", "0.1") as service:
        port = service.port()
        eventually(lambda: ask(port).detail == "HTTP 503")


def test_it_answers_slowly():
    with misbehaving("--port", 0, "--http", "--slow-http", "0.1") as service:
        port = service.port()
        assert ask(port, timeout=0.03).detail == "no answer within 0.03 s"


def test_a_grandchild_leaves_the_session_and_outlives_it(tmp_path):
    pidfile = tmp_path / "pid"
    # Not by a pipe: the grandchild keeps its end of it.
    assert subprocess.call([*COMMAND, "--pidfile", str(pidfile), "--grandchild", "--exit", "0"], timeout=10) == 0
    eventually(pidfile.exists)
    pid = int(pidfile.read_text())
    try:
        assert read(pid).sid not in (0, os.getsid(0))
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_moving_target_is_another_process_every_time():
    with misbehaving("--print", "up", "--fork-forever") as service:
        service.line()
        assert service.process.wait(5) == 0


def test_a_port_that_is_taken_ends_it_with_a_sentence():
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        done = run("--hold-port", str(port))
    assert done.returncode == 1
    assert done.stderr == f"misbehave: cannot bind 127.0.0.1:{port}: Address already in use\n".encode()


def test_each_run_is_counted(tmp_path):
    counted = tmp_path / "runs"
    for _ in range(2):
        run("--touch", str(counted), "--exit", "0")
    assert len(counted.read_text().splitlines()) == 2


@pytest.mark.parametrize("words", [["--nonsense"], ["--exit"], ["--exit", "soon"], ["--http-status-after", "x"]])
def test_a_wrong_option_is_an_error(words):
    done = run(*words)
    assert done.returncode == 1
    assert done.stderr.startswith(b"misbehave: ")


def test_every_option_is_documented_and_every_documented_one_exists():
    documented = set(re.findall(r"^    (--[a-z-]+)", misbehave.__doc__, re.MULTILINE))
    settings = {"--" + name.replace("_", "-") for name in misbehave.CONVERT}
    assert documented == set(misbehave.IMMEDIATE) | misbehave.SWITCHES | settings


def test_it_starts_without_heavy_imports():
    folder = os.path.dirname(misbehave.__file__)
    code = f"import sys; sys.path.insert(0, {folder!r}); import misbehave; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-ISc", code], capture_output=True, text=True, check=True, timeout=10)
    heavy = {"argparse", "asyncio", "http", "logging", "subprocess", "threading", "json"}
    assert not heavy & set(loaded.stdout.split())
