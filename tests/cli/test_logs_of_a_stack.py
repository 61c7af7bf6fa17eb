"""`mamctl logs` over what real services wrote into files that were rotated meanwhile."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

MAMCTL = (sys.executable, "-m", "mamctl.cli.main")
COUNT = 400
WRITE = (
    "import sys, time\\n"
    "for number in range(400):\\n"
    "    print('line', number, 'x' * 60, 'of ten' if number % 10 == 0 else '', flush=True)\\n"
    "    time.sleep(0.001)"
)
MANIFEST = f"""\
name: demo
defaults: {{kind: task, logs: {{max_size: 4kB, keep: 50}}}}
services:
  alpha: {{command: [{sys.executable}, -S, -c, "{WRITE}"]}}
  beta: {{command: [{sys.executable}, -S, -c, "{WRITE}"]}}
"""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which both services wrote at the same time, and nothing runs any more."""
    path = tmp_path_factory.mktemp("written")
    (path / "services.yaml").write_text(MANIFEST)
    assert mamctl(path, "up", "-d").returncode == 0
    assert mamctl(path, "down").returncode == 0
    assert len(list((path / "logs").glob("alpha.log.*"))) > 3
    return path


def mamctl(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MAMCTL, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def lines(folder: Path, *words: str) -> list[str]:
    done = mamctl(folder, "logs", "-n", "100000", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def numbers(found: list[str]) -> list[int]:
    return [int(match[1]) for line in found if (match := re.search(r"\bline (\d+) ", line))]


def test_all_lines_of_all_files_are_there_in_order(folder: Path) -> None:
    found = lines(folder)
    for name in ("alpha", "beta"):
        assert numbers([line for line in found if line.startswith(name)]) == list(range(COUNT))


def test_the_services_are_merged_by_the_times_that_are_shown(folder: Path) -> None:
    times = [line.split()[0] for line in lines(folder, "-t")]
    assert len(times) == 2 * COUNT
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d(\.\d+)?", time) for time in times)
    assert all(one <= two for one, two in itertools.pairwise(times))
    names = [line.split()[1] for line in lines(folder, "-t")]
    assert names != sorted(names), "one was shown after the other"


def test_without_a_prefix_the_lines_are_as_they_were_written(folder: Path) -> None:
    written = "".join(path.read_text() for path in sorted((folder / "logs").glob("alpha.log*"), key=age, reverse=True))
    assert lines(folder, "alpha", "--no-prefix") == written.splitlines()


def age(path: Path) -> int:
    return int(path.suffix[1:]) if path.suffix[1:].isdigit() else 0


def test_a_pattern_is_looked_for_in_all_files(folder: Path) -> None:
    assert numbers(lines(folder, "beta", "--grep", "of ten$")) == list(range(0, COUNT, 10))
    assert numbers(lines(folder, "beta", "--grep", "line 3[0-9]{2} ")) == list(range(300, 400))
    assert lines(folder, "--grep", "there is no such line") == []


def test_since_leaves_out_what_is_older_and_keeps_the_rest(folder: Path) -> None:
    assert len(lines(folder, "--since", "1h")) == 2 * COUNT
    assert lines(folder, "--since", "1ms") == []


def test_a_number_of_lines_counts_those_that_are_shown(folder: Path) -> None:
    done = mamctl(folder, "logs", "alpha", "-n", "3", "--grep", "of ten")
    assert numbers(done.stdout.splitlines()) == [370, 380, 390]


def test_a_glob_means_those_that_it_fits(folder: Path) -> None:
    assert {line.split()[0] for line in lines(folder, "a*")} == {"alpha"}
    done = mamctl(folder, "logs", "alpah*")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error: no service matches alpah*")
    assert "alpha" in done.stderr
