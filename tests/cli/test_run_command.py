from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAMCTL = (sys.executable, "-m", "mamctl.cli.main")
MANIFEST = """\
name: demo
services:
  exits: {kind: task, command: [sh, -c, 'exit "$1"', sh]}
  shows: {kind: task, command: [sh, -c, 'echo "$MAMCTL_SERVICE $COLOUR $*"; tty', sh], env: {COLOUR: red}}
  missing: {kind: task, command: [no-such-command]}
  waits: {kind: task, command: [sleep, "100"]}
  first: {kind: task, command: [sh, -c, 'echo first >> order']}
  backend: {command: [sh, -c, 'echo backend >> order; exec sleep 100'], depends_on: [first]}
  import: {kind: task, command: [sh, -c, 'echo import >> order'], depends_on: [backend]}
  after: {kind: task, command: [sh, -c, 'echo after >> order'], depends_on: [first]}
  broken: {kind: task, command: ["false"]}
  needs-broken: {kind: task, command: [echo, no], depends_on: [broken]}
  lm: {kind: external, port: 1, identify: {tcp: "127.0.0.1:1"}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "services.yaml").write_text(MANIFEST)
    yield tmp_path
    mamctl(tmp_path, "down", "--timeout", "5s")


def mamctl(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MAMCTL, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def test_the_exit_code_is_the_commands_own(folder: Path) -> None:
    assert mamctl(folder, "run", "exits", "--", "7").returncode == 7
    assert mamctl(folder, "run", "exits", "0").returncode == 0


def test_arguments_and_environment_reach_the_task(folder: Path) -> None:
    done = mamctl(folder, "run", "shows", "--", "--dry-run", "x")
    assert done.stdout.splitlines()[0] == "shows red --dry-run x"
    assert not (folder / ".mamctl").exists()


def test_what_cannot_be_run_is_an_error(folder: Path) -> None:
    done = mamctl(folder, "run", "missing")
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        1,
        "error: missing cannot be run: no-such-command was not found",
    )
    done = mamctl(folder, "run", "lm")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error: lm is external: it has no command to run")
    assert mamctl(folder, "run", "mising").stderr.splitlines()[1] == "hint: did you mean missing?"


@pytest.mark.slow
def test_dependencies_are_started_first_and_stopped_again(folder: Path) -> None:
    done = mamctl(folder, "run", "import")
    assert done.returncode == 0, done.stderr
    assert (folder / "order").read_text().split() == ["first", "backend", "import"]
    assert mamctl(folder, "status").returncode == 4


@pytest.mark.slow
def test_dependencies_that_only_run_to_their_end_are_enough(folder: Path) -> None:
    done = mamctl(folder, "run", "after")
    assert done.returncode == 0, done.stderr
    assert (folder / "order").read_text().split() == ["first", "after"]


@pytest.mark.slow
def test_a_running_stack_is_left_as_it_was(folder: Path) -> None:
    assert mamctl(folder, "up", "-d", "backend").returncode == 0
    assert mamctl(folder, "run", "import").returncode == 0
    assert mamctl(folder, "status", "backend").returncode == 0


@pytest.mark.slow
def test_a_dependency_that_fails_keeps_the_task_from_running(folder: Path) -> None:
    done = mamctl(folder, "run", "needs-broken")
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: what needs-broken depends on is not up" in done.stderr


@pytest.mark.slow
def test_ctrl_c_goes_to_the_task_in_the_callers_terminal(folder: Path) -> None:
    terminal = Terminal([*MAMCTL, "run", "shows"], cwd=str(folder), environ={"HOME": str(folder)})
    try:
        terminal.expect("/dev/pts/")
        assert terminal.wait() == 0
    finally:
        terminal.close()
    terminal = Terminal(["sh", "-c", "trap : INT; " + " ".join(MAMCTL) + " run waits; echo code $?"],
                        cwd=str(folder), environ={"HOME": str(folder)})  # fmt: skip
    try:
        terminal.expect_child("sleep")
        terminal.press("\x03")
        terminal.expect(f"code {128 + signal.SIGINT}")
    finally:
        terminal.close()
