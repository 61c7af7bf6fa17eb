"""What a test leaves running when it does not come to its end is ended all the same."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mamctl.core.errors import MamctlError
from tests.scripted import eventually
from tests.system.supervised import supervised

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0
UNFINISHED = """
import pathlib, subprocess, sys, threading

def test_that_hangs(folder):
    folder.write({"web": {"command": ["sleep", "1000"]}})
    subprocess.run([sys.executable, "-m", "mamctl", "up", "-d"], cwd=folder.path, env=folder.environ, check=True)
    pathlib.Path("PIDS").write_text(" ".join(map(str, folder.processes())))
    never = threading.Event()
    while not never.wait(0.1):  # in short turns: what another thread asks of this one is heard between two
        pass
"""


def test_a_stack_that_a_command_began_ends_with_its_folder(tmp_path):
    with contextlib.suppress(ZeroDivisionError), supervised(tmp_path) as folder:
        folder.write({"web": {"command": ["sleep", "1000"]}})
        command = [sys.executable, "-m", "mamctl", "up", "-d"]
        subprocess.run(command, cwd=folder.path, env=folder.environ, check=True, timeout=60, capture_output=True)
        assert folder.processes()
        raise ZeroDivisionError
    assert folder.processes() == []
    with pytest.raises(MamctlError):
        folder.client.request("GET", "/v1/status")


@pytest.mark.parametrize(("number", "jobs"), [(signal.SIGINT, "0"), (signal.SIGTERM, "0"), (signal.SIGTERM, "2")])
def test_a_run_that_is_interrupted_leaves_nothing(tmp_path, number, jobs):
    told = tmp_path / "pids"
    (tmp_path / "test_unfinished.py").write_text(UNFINISHED.replace("PIDS", str(told)))
    # As tests here have them.
    plugins = ["-p", "tests.conftest", "-p", "tests.system.conftest"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", jobs, *plugins, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True) as running:
        eventually(lambda: told.exists() and told.read_text(), within=PATIENCE)
        pids = [int(word) for word in told.read_text().split()]
        running.send_signal(number)
        assert running.wait(PATIENCE) == 2
    assert pids
    assert not [pid for pid in pids if os.path.exists(f"/proc/{pid}")]
