"""Every bug of `bugs.BUGS`, put into a copy of the core, makes a history go wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

import mamctl.core
from tests.core.bugs import BUGS, Bug

pytestmark = pytest.mark.system

CORE = Path(mamctl.core.__file__).parent
TESTS = Path(__file__).parent
AT_A_TIME = 2
# Far more than the tables take; a bug that makes the core turn in circles is found by it too.
DEADLINE = 60.0
# The tables only: the walk would find most of these too, but only by luck and later. The world is too long.
LEFT_OUT = {"test_walk.py", "test_mortal_walk.py", "test_world.py", "test_seeded_bugs.py"}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """What pytest says of the core as it is (None) and with each bug: its exit code and output."""
    folder = tmp_path_factory.mktemp("seeded")
    shutil.copytree(TESTS, folder / "tests" / "core", ignore=shutil.ignore_patterns("manifest", *LEFT_OUT))
    (folder / "tests" / "__init__.py").touch()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return dict(zip((None, *BUGS), pool.map(partial(judge, folder), (None, *BUGS)), strict=True))


def judge(folder: Path, bug: Bug | None) -> tuple[int, str]:
    """Run the tables against a copy of the core, with the bug in it."""
    root = folder / (bug.name if bug else "as-it-is")
    core = root / "mamctl" / "core"
    shutil.copytree(CORE, core)
    (root / "mamctl" / "__init__.py").touch()
    if bug is not None:
        module = core / bug.module
        module.write_text(module.read_text().replace(bug.old, bug.new))
    options = ["-x", "-q", "--noconftest", "--assert=plain", "--tb=line", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, "tests/core"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(root), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""},
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 1, "1 failed: it took too long"
    return done.returncode, done.stdout + done.stderr


def test_the_core_as_it_is_passes(verdicts):
    code, output = verdicts[None]
    assert code == 0, output


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_histories_catch(bug, verdicts):
    code, output = verdicts[bug]
    assert (code, "1 failed" in output) == (1, True), f"{bug.sentence}\n{output}"


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_text_that_a_bug_replaces_is_there_once(bug):
    assert (CORE / bug.module).read_text().count(bug.old) == 1


def test_every_bug_has_a_name_of_its_own():
    assert len({bug.name for bug in BUGS}) == len(BUGS)
