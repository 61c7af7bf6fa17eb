"""Every bug of `bugs.BUGS`, put into a copy of the core, makes a history go wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mamctl.core
from tests.core.bugs import BUGS, Bug

pytestmark = pytest.mark.system

CORE = Path(mamctl.core.__file__).parent
TESTS = Path(__file__).parent
# Far more than the tables take; a bug that makes the core turn in circles is found by it too.
DEADLINE = 60.0
# The tables only: the walk would find most of these too, but only by luck and later. The world is too long.
LEFT_OUT = {"test_walk.py", "test_mortal_walk.py", "test_world.py", "test_seeded_bugs.py"}


def judge(folder: Path, bug: Bug | None) -> tuple[int, str]:
    """Run the tables against a copy of the core, with the bug in it; return pytest's exit code and output."""
    shutil.copytree(TESTS, folder / "tests" / "core", ignore=shutil.ignore_patterns("manifest", *LEFT_OUT))
    shutil.copytree(CORE, core := folder / "mamctl" / "core")
    for package in ("tests", "mamctl"):
        (folder / package / "__init__.py").touch()
    if bug is not None:
        module = core / bug.module
        module.write_text(module.read_text().replace(bug.old, bug.new))
    options = ["-x", "-q", "--noconftest", "--assert=plain", "--tb=line", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, "tests/core"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""},
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 1, "1 failed: it took too long"
    return done.returncode, done.stdout + done.stderr


def test_the_core_as_it_is_passes(tmp_path):
    code, output = judge(tmp_path, None)
    assert code == 0, output


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_histories_catch(bug, tmp_path):
    code, output = judge(tmp_path, bug)
    assert (code, "1 failed" in output) == (1, True), f"{bug.sentence}\n{output}"


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_text_that_a_bug_replaces_is_there_once(bug):
    assert (CORE / bug.module).read_text().count(bug.old) == 1


def test_every_bug_has_a_name_of_its_own():
    assert len({bug.name for bug in BUGS}) == len(BUGS)
