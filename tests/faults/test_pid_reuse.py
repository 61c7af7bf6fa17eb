"""A pid that a service had is a stranger's the next moment: no signal of ours reaches it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.faults.figures import tell
from tests.faults.rounds import rounds

if TYPE_CHECKING:
    import pathlib

NAMESPACE = (
    "unshare",
    *(() if os.geteuid() == 0 else ("--user", "--map-root-user")),
    "--pid",
    "--fork",
    "--mount-proc",
)


@pytest.fixture
def namespace() -> tuple[str, ...]:
    probe = subprocess.run([*NAMESPACE, "true"], check=False, capture_output=True, text=True)
    if probe.returncode:
        pytest.skip(f"no pid namespace of its own can be had here: {probe.stderr.strip()}")
    return NAMESPACE


@rounds(1, 25)
def test_no_signal_reaches_a_stranger_that_has_the_pid_of_a_service(
    tmp_path: pathlib.Path, namespace: tuple[str, ...], rounds: int
) -> None:
    command = [*namespace, sys.executable, "-m", "tests.faults.reuse", str(tmp_path), str(rounds)]
    found = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60 + 20 * rounds)
    assert found.returncode == 0, found.stderr
    hits = json.loads(found.stdout)
    tell("pid used again at once, by force", f"{rounds * len(hits)}", strangers_signalled=sum(hits.values()))
