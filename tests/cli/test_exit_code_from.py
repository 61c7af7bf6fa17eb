"""`mamctl up --exit-code-from`: one service ends the run, and its end is the run's."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAMCTL = (sys.executable, "-m", "mamctl.cli.main")
MANIFEST = """\
name: demo
services:
  web: {command: [sleep, "1000"]}
  tests: {kind: task, command: [sh, -c, "echo tested; exit 3"], depends_on: [web]}
  good: {kind: task, command: ["true"], profiles: [other]}
  killed: {command: [sh, -c, "kill -9 $$$$"], restart: never, profiles: [other]}
  missing: {command: [there-is-no-such-program], profiles: [other]}
  slow: {command: [sleep, "1000"], ready: {exec: ["false"]}, start_timeout: 200ms, restart: never, profiles: [other]}
  dependent: {command: [sleep, "1000"], depends_on: [missing], profiles: [other]}
  nightly: {kind: task, command: ["true"], schedule: "0 3 * * *", profiles: [other]}
  elsewhere: {kind: external, identify: {exec: ["true"]}, profiles: [other]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return a folder with a manifest; nothing of it runs afterwards."""
    (tmp_path / "services.yaml").write_text(MANIFEST)
    yield tmp_path
    mamctl(tmp_path, "down", "--timeout", "5s")


def mamctl(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MAMCTL, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("service", "code", "why"),
    [
        ("tests", 3, "tests ended with code 3"),
        ("good", 0, "good ended with code 0"),
        ("killed", 137, "killed was killed by signal 9 (KILL)"),
        ("missing", 1, "missing failed: there-is-no-such-program: no such command"),
        ("slow", 143, "slow was killed by signal 15 (TERM)"),
        ("dependent", 1, "dependent failed: needs missing"),
        ("test*", 3, "tests ended with code 3"),
    ],
)
def test_the_end_of_one_service_ends_the_run_with_its_code(folder: Path, service: str, code: int, why: str) -> None:
    done = mamctl(folder, "up", "--exit-code-from", service)
    assert why in done.stdout + done.stderr
    assert done.returncode == code
    assert mamctl(folder, "status").returncode == 4


@pytest.mark.slow
def test_a_named_run_also_starts_the_one_that_decides_and_nothing_else(folder: Path) -> None:
    done = mamctl(folder, "up", "web", "--exit-code-from", "good")
    assert done.returncode == 0
    assert "tests" not in done.stdout


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("nobody",), "no such service: nobody"),
        (("*",), "* means 9 services"),
        (("nightly",), "nightly runs by the clock: it never ends"),
        (("elsewhere",), "elsewhere is external: it has no exit code"),
        (("tests", "-d"), "it cannot be detached"),
        (("tests", "--host", "http://127.0.0.1:1"), "it cannot be detached"),
    ],
)
@pytest.mark.slow
def test_who_cannot_decide_is_refused(folder: Path, words: tuple[str, ...], error: str) -> None:
    host = words[1:] if "--host" in words else ()
    done = mamctl(folder, *host, "up", "--exit-code-from", *(words[:1] if host else words))
    assert error in done.stderr
    assert "hint: " in done.stderr
    assert done.returncode == 2


@pytest.mark.slow
def test_a_stack_that_runs_already_is_not_ended_by_an_observer(folder: Path) -> None:
    mamctl(folder, "up", "-d", "web")
    done = mamctl(folder, "up", "--exit-code-from", "tests")
    assert "the stack runs already" in done.stderr
    assert done.returncode == 2
    assert mamctl(folder, "status", "web").returncode == 0
