"""`mamctl signal`: to whom, by which name, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAMCTL = (sys.executable, "-m", "mamctl.cli.main")
HEARS = "trap 'echo heard USR1' USR1; trap 'echo heard TTIN' TTIN; echo up; while :; do sleep 0.02; done"
MANIFEST = f"""\
name: demo
services:
  worker-a: {{command: [sh, -c, "{HEARS}"], ready: {{log: up}}}}
  worker-b: {{command: [sh, -c, "{HEARS}"], ready: {{log: up}}}}
  rests: {{command: [sleep, "1000"], manual: true}}
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder whose stack runs."""
    path = tmp_path_factory.mktemp("signalled")
    (path / "services.yaml").write_text(MANIFEST)
    assert mamctl(path, "up", "-d").returncode == 0
    yield path
    mamctl(path, "down", "--timeout", "5s")


def mamctl(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MAMCTL, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(("written", "name"), [("USR1", "USR1"), ("sigusr1", "USR1"), ("21", "TTIN")])
def test_a_signal_is_sent_by_name_or_number_to_all_that_a_glob_means(folder: Path, written: str, name: str) -> None:
    if sys.platform == "darwin" and name == "USR1":
        written = "SIGUSR1"
    done = mamctl(folder, "signal", "worker-*", written)
    assert (done.returncode, done.stderr) == (0, f"sent {name} to worker-a and worker-b\n")
    told = [line for line in mamctl(folder, "events").stdout.splitlines() if f"({name})" in line]
    assert {line.split()[2] for line in told} == {"worker-a", "worker-b"}


@pytest.mark.parametrize(
    ("words", "code", "error", "hint"),
    [
        (("worker-a", "TRM"), 2, "'TRM' is not a signal", "did you mean TERM?"),
        (("worker-a", "0"), 2, "0 is not a signal", "1 to 64"),
        (("worker-a", "65"), 2, "65 is not a signal", "1 to 64"),
        (("worker-a", ""), 2, "'' is not a signal", "known: HUP"),
        (("worker-a",), 2, "missing argument 'SIGNAL'", "--help"),
        (("workr-a", "HUP"), 2, "no such service: workr-a", "did you mean worker-a?"),
        (("x*", "HUP"), 2, "no service matches x*", "known: worker-a"),
        (("rests", "HUP"), 1, "rests is stopped: it has no process", "`mamctl start rests`"),
    ],
)
def test_what_cannot_be_signalled_is_refused_with_a_hint(
    folder: Path, words: tuple[str, ...], code: int, error: str, hint: str
) -> None:
    done = mamctl(folder, "signal", *words)
    assert done.returncode == code
    assert f"error: {error}" in done.stderr
    assert hint in done.stderr.partition("hint: ")[2]


def test_without_a_supervisor_there_is_nobody_to_signal(tmp_path: Path) -> None:
    (tmp_path / "services.yaml").write_text(MANIFEST)
    assert mamctl(tmp_path, "signal", "worker-a", "HUP").returncode == 4
