"""Starts the real frontend server, `python -m services.frontend`, on a port that the system picks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[3]
START_LIMIT_S = 20


@dataclass(frozen=True, slots=True)
class Frontend:
    """One running server: its process, its address and a client for it."""

    process: subprocess.Popen[str]
    port: int
    client: httpx.Client

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def environment(**changes: str) -> dict[str, str]:
    """Return this process's environment without what would steer the server, plus `changes`."""
    steering = {"BACKEND_URL", "BACKEND_ORIGIN", "STACK_HEALTH", "ALLOWED_HOSTS", "DIST_DIR", "HOST", "PORT"}
    return {name: value for name, value in os.environ.items() if name not in steering} | changes


def launch(**changes: str) -> subprocess.Popen[str]:
    """Start `python -m services.frontend` as the manifest does."""
    return subprocess.Popen(
        [sys.executable, "-m", "services.frontend"],
        cwd=REPOSITORY,
        env=environment(**changes),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running_frontend(**changes: str) -> Iterator[Frontend]:
    """Serve for the length of a `with` block; the first line of output says where."""
    process = launch(**{"PORT": "0", **changes})
    try:
        line = process.stdout.readline()
        said = re.search(r":(\d+)$", line.strip())
        assert said, f"no address in {line!r}: {process.stderr.read()}"
        port = int(said[1])
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False) as client:
            yield Frontend(process, port, client)
    finally:
        process.terminate()
        process.communicate(timeout=START_LIMIT_S)
