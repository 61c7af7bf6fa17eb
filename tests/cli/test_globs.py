"""Names of services may be globs, on every command that takes names; one that fits nobody is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAMCTL = (sys.executable, "-m", "mamctl.cli.main")
MANIFEST = """\
name: demo
services:
  worker-a: {command: [sh, -c, "echo up; exec sleep 1000"], ready: {log: up}}
  worker-b: {command: [sh, -c, "echo up; exec sleep 1000"], ready: {log: up}}
  web: {command: [sh, -c, "echo up; exec sleep 1000"], ready: {log: up}}
"""
WORKERS = ["worker-a", "worker-b"]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder whose stack runs."""
    path = tmp_path_factory.mktemp("globs")
    (path / "services.yaml").write_text(MANIFEST)
    assert mamctl(path, "up", "-d").returncode == 0
    yield path
    mamctl(path, "down", "--timeout", "5s")


def mamctl(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MAMCTL, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def rows(folder: Path, *names: str) -> dict[str, dict[str, Any]]:
    document = json.loads(mamctl(folder, "status", "--json", *names).stdout)
    return {row["name"]: row for row in document["services"]}


def states(folder: Path) -> dict[str, str]:
    return {name: row["state"] for name, row in rows(folder).items()}


def test_stop_and_start_mean_all_that_a_glob_fits(folder: Path) -> None:
    assert mamctl(folder, "stop", "worker-*").returncode == 0
    assert states(folder) == {"worker-a": "stopped", "worker-b": "stopped", "web": "ready"}
    assert mamctl(folder, "start", "worker-?").returncode == 0
    assert set(states(folder).values()) == {"ready"}


def test_up_adds_all_that_a_glob_fits(folder: Path) -> None:
    assert mamctl(folder, "stop", "*").returncode == 0
    assert mamctl(folder, "up", "-d", "worker-[ab]").returncode == 0
    assert states(folder) == {"worker-a": "ready", "worker-b": "ready", "web": "stopped"}
    assert mamctl(folder, "up", "-d").returncode == 0


def test_restart_means_all_that_a_glob_fits(folder: Path) -> None:
    before = rows(folder)
    assert mamctl(folder, "restart", "worker-*").returncode == 0
    after = rows(folder)
    assert [name for name in after if after[name]["pid"] != before[name]["pid"]] == WORKERS


def test_status_and_logs_show_all_that_a_glob_fits(folder: Path) -> None:
    assert list(rows(folder, "worker-*")) == WORKERS
    shown = mamctl(folder, "logs", "worker-*").stdout.splitlines()
    assert {line.split()[0] for line in shown} == set(WORKERS)


def test_wait_waits_for_all_that_a_glob_fits_and_without_names_for_all(folder: Path) -> None:
    assert mamctl(folder, "wait", "worker-*", "--timeout", "20s").returncode == 0
    assert mamctl(folder, "wait", "--timeout", "20s").returncode == 0
    assert mamctl(folder, "wait", "--for", "stopped", "--timeout", "100ms").returncode == 5


@pytest.mark.parametrize(
    "words",
    [
        ("up", "-d", "wrker-*"),
        ("up", "wrker-*"),
        ("start", "wrker-*"),
        ("start", "web", "wrker-*"),
        ("stop", "wrker-*"),
        ("restart", "wrker-*"),
        ("status", "wrker-*"),
        ("logs", "wrker-*"),
        ("wait", "wrker-*"),
        ("signal", "wrker-*", "HUP"),
    ],
    ids=" ".join,
)
def test_a_glob_that_fits_nobody_is_refused_with_the_nearest_name_and_changes_nothing(
    folder: Path, words: tuple[str, ...]
) -> None:
    before = rows(folder)
    done = mamctl(folder, *words)
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error: no service matches wrker-*")
    assert "did you mean worker-" in done.stderr
    after = rows(folder)
    assert [row["generation"] for row in after.values()] == [row["generation"] for row in before.values()]
