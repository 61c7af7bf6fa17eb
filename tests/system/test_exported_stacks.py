"""What is exported, really run by the program that it is for."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scripted import eventually
from tests.system.supervised import Folder, end_orphans

pytestmark = pytest.mark.system

PATIENCE = 20.0
BIN = Path(sys.executable).parent
SERVICES = {
    "db": {"command": ["sleep", "1000"]},
    "web": {"command": 'echo "$A 100%"; exec sleep 1000', "shell": True, "env": {"A": 'x"y,z%d'}, "depends_on": ["db"]},
    "crew": {"command": ["sleep", "1000"], "replicas": 2},
    "migrate": {"kind": "task", "command": ["echo", "tables made"]},
    "later": {"command": ["sleep", "1000"], "manual": True},
}


def run(folder: Folder, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, cwd=folder.path, env=folder.environ, capture_output=True, text=True, timeout=30, check=False
    )


def states(folder: Folder) -> dict[str, str]:
    """Return what supervisorctl says of each program."""
    told = run(folder, str(BIN / "supervisorctl"), "-c", "supervisord.conf", "status").stdout
    return {line.split()[0]: line.split()[1] for line in told.splitlines() if len(line.split()) > 1}


def test_supervisord_runs_the_exported_stack_as_the_file_says(folder: Folder) -> None:
    folder.write({**SERVICES})
    exported = run(folder, sys.executable, "-m", "mamctl", "export", "supervisord", "-o", "supervisord.conf")
    assert exported.returncode == 0, exported.stderr
    lines = (folder.path / "supervisord.conf").read_text().splitlines()
    command = next(line.removeprefix("; ") for line in lines if "supervisord -n" in line)
    environ = {**folder.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "MAMCTL_PROJECT": folder.name}
    with subprocess.Popen(["sh", "-c", f"exec sh -c '{command}'"], cwd=folder.path, env=environ) as running:
        try:
            wanted = {
                "db": "RUNNING", "web": "RUNNING", "crew:crew-1": "RUNNING", "crew:crew-2": "RUNNING",
                "migrate": "EXITED", "later": "STOPPED",
            }  # fmt: skip
            eventually(lambda: states(folder) == wanted, within=PATIENCE)
            assert (folder.path / "logs" / "web.log").read_text() == 'x"y,z%d 100%\n'
        finally:
            run(folder, str(BIN / "supervisorctl"), "-c", "supervisord.conf", "shutdown")
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(PATIENCE)
            running.send_signal(signal.SIGKILL)
            end_orphans(folder)
