"""`mamctl status --watch` on a real terminal and into a pipe, with a supervisor that does as it is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from fake_supervisor import document, row
from terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fake_supervisor import FakeSupervisor

WATCH = (sys.executable, "-m", "mamctl.cli.main", "status", "--watch")


@pytest.fixture
def terminal(stack: Path) -> Iterator[Callable[..., Terminal]]:
    """Return what opens a terminal in the stack's folder; it is closed afterwards."""
    opened: list[Terminal] = []

    def opener(*words: str, **environ: str) -> Terminal:
        opened.append(Terminal([*WATCH, *words], cwd=str(stack), environ={"HOME": str(stack), **environ}))
        return opened[-1]

    yield opener
    for one in opened:
        one.close()


def test_what_happens_shows_at_once_and_q_leaves_the_last_table_behind(
    supervisor: FakeSupervisor, terminal: Callable[..., Terminal]
) -> None:
    supervisor.document = document(row("web"), row("db"))
    watch = terminal()
    watch.expect("mam: all 2 ready")
    watch.expect("q ends it")
    supervisor.wait_for("STREAM", "/v1/events")
    supervisor.document = document(row("web", "failed", reason="exited", detail="exit code 3"), row("db"))
    supervisor.emit("failed", "web")
    watch.expect("✗ failed")
    watch.press("q")
    assert watch.wait() == 3
    assert watch.modes() == watch.before
    assert watch.seen.index("\x1b[?1049l") < watch.seen.index("NAME")


def test_only_lines_that_changed_are_written(supervisor: FakeSupervisor, terminal: Callable[..., Terminal]) -> None:
    supervisor.document = document(row("web"), row("db"))
    watch = terminal()
    watch.expect("q ends it")
    supervisor.wait_for("GET", "/v1/status", times=4)
    watch.press("q")
    watch.wait()
    drawn, _, _ = watch.seen.partition("\x1b[?1049l")
    assert "db" not in drawn
    assert "\x1b[2J" not in drawn


def test_another_size_is_followed(supervisor: FakeSupervisor, terminal: Callable[..., Terminal]) -> None:
    supervisor.document = document(row("web", ports={"http": 5001}, url="http://127.0.0.1:5001", restarts=2, attempt=2))
    watch = terminal()
    watch.expect("q ends it")
    watch.resize(30, 160)
    os.kill(watch.process.pid, signal.SIGWINCH)
    watch.expect("http://127.0.0.1:5001")
    watch.press("q")
    assert watch.wait() == 0


def test_ctrl_c_ends_it_as_q_does(supervisor: FakeSupervisor, terminal: Callable[..., Terminal]) -> None:
    supervisor.document = document(row("web"))
    watch = terminal()
    watch.expect("q ends it")
    watch.press("\x03")
    assert watch.wait() == 0
    assert watch.modes() == watch.before


def test_a_hangup_gives_the_terminal_back(supervisor: FakeSupervisor, terminal: Callable[..., Terminal]) -> None:
    supervisor.document = document(row("web"))
    watch = terminal()
    watch.expect("q ends it")
    os.kill(watch.process.pid, signal.SIGTERM)
    assert watch.wait() == 128 + signal.SIGTERM
    assert "\x1b[?1049l\x1b[?25h" in watch.seen


def test_a_supervisor_that_left_is_told_with_its_last_word(
    supervisor: FakeSupervisor, terminal: Callable[..., Terminal]
) -> None:
    supervisor.document = document(row("web"))
    watch = terminal()
    watch.expect("q ends it")
    supervisor.wait_for("STREAM", "/v1/events")
    supervisor.leave()
    watch.expect("the supervisor has left: everything was stopped for good")
    assert watch.wait() == 0


def test_a_supervisor_that_was_replaced_is_named_and_the_watch_goes_on(
    supervisor: FakeSupervisor, terminal: Callable[..., Terminal]
) -> None:
    supervisor.document = document(row("web"))
    watch = terminal()
    watch.expect("q ends it")
    supervisor.wait_for("STREAM", "/v1/events")
    supervisor.document = {**document(row("web")), "supervisor": {"pid": 99, "uptime_s": 0.1, "generation": 2}}
    supervisor.vanish()
    watch.expect(r"another supervisor took over \(pid 99\)")
    watch.press("q")
    assert watch.wait() == 0


def test_a_service_that_is_not_there_is_an_error_before_anything_is_painted(
    supervisor: FakeSupervisor, terminal: Callable[..., Terminal]
) -> None:
    supervisor.document = document(row("backend"))
    watch = terminal("backnd")
    assert watch.wait() == 2
    assert "did you mean backend?" in watch.seen
    assert "1049" not in watch.seen


def test_a_dumb_terminal_gets_the_table_again_when_a_state_changes(
    supervisor: FakeSupervisor, terminal: Callable[..., Terminal]
) -> None:
    supervisor.document = document(row("web"))
    watch = terminal(TERM="dumb")
    watch.expect("mam: 1 of 1 ready")
    supervisor.wait_for("GET", "/v1/status", times=3)
    supervisor.document = document(row("web", "starting"))
    supervisor.emit("starting", "web")
    watch.expect("mam: 0 of 1 ready, 1 starting")
    os.kill(watch.process.pid, signal.SIGINT)
    assert watch.wait() == 3
    assert "\x1b" not in watch.seen
    assert watch.seen.count("NAME") <= 1


def test_into_a_pipe_the_table_is_written_again_when_a_state_changes(supervisor: FakeSupervisor, stack: Path) -> None:
    supervisor.document = document(row("web"))
    with subprocess.Popen(WATCH, cwd=stack, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any("1 of 1 ready" in line for line in process.stdout)
        supervisor.wait_for("STREAM", "/v1/events")
        supervisor.document = document(row("web", "failed", reason="exited", detail="exit code 3"))
        supervisor.emit("failed", "web")
        assert any("0 of 1 ready, 1 failed" in line for line in process.stdout)
        supervisor.leave()
        process.stdout.read()
        assert "the supervisor has left" in process.stderr.read()
        assert process.wait(10) == 3


def test_without_a_supervisor_the_table_of_the_manifest_is_shown_once(
    stack: Path, terminal: Callable[..., Terminal]
) -> None:
    watch = terminal()
    assert watch.wait() == 4
    assert "not running" in watch.seen
    assert "mamctl up -d" in watch.seen


def test_a_supervisor_that_hangs_keeps_nobody_from_leaving(
    supervisor: FakeSupervisor, terminal: Callable[..., Terminal]
) -> None:
    supervisor.document = document(row("web"))
    watch = terminal()
    watch.expect("q ends it")
    hangs = threading.Event()
    supervisor.answers = {"GET /v1/status": lambda _body: (hangs.wait(20), (200, supervisor.document))[1]}
    try:
        times = len([one for one in supervisor.requests if one[1] == "/v1/status"])
        supervisor.wait_for("GET", "/v1/status", times=times + 1)
        watch.press("q")
        assert watch.wait(2.5) == 0
    finally:
        hangs.set()
