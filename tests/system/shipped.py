"""The shipped stack on its real ports, with data, media and state in a temporary folder."""

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MAMCTL = str(ROOT / ".venv/bin/mamctl")
PORTS = (5001, 3001, 1234, 5000, 8080, 8000)
LOCK = pathlib.Path(tempfile.gettempdir()) / f"mamctl-tests-of-the-stack-{os.getuid()}.lock"
TURN_SECONDS = 240.0


class Shipped:
    """Runs mamctl on the repository's own services.yaml."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.environ = {
            **os.environ,
            "MAMCTL_HOME": str(folder / "home"),
            "DATA_DIR": str(folder / "data"),
            "MEDIA_PATH": str(folder / "media"),
            "NO_COLOR": "1",
        }

    def mamctl(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        command = [MAMCTL, *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environ, capture_output=True, text=True, timeout=timeout, check=False
        )

    def status(self) -> dict[str, Any]:
        """Return the status document."""
        found: dict[str, Any] = json.loads(self.mamctl("status", "--json").stdout)
        return found

    def row(self, name: str) -> dict[str, Any]:
        """Return one service's row."""
        return next(row for row in self.status()["services"] if row["name"] == name)


@contextmanager
def own_ports() -> Iterator[None]:
    """Have the stack's ports for oneself: tests that run beside these wait; fails when they are not free at the end."""
    until, pause = time.monotonic() + TURN_SECONDS, threading.Event()
    with LOCK.open("w") as lock:
        while not _taken(lock.fileno()):
            assert time.monotonic() < until, f"another test has had the stack's ports for {TURN_SECONDS:g} s"
            pause.wait(0.1)
        assert not busy_ports(), "somebody holds a port of the stack: run mamctl ports"
        yield
        assert not busy_ports()


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def busy_ports() -> list[int]:
    """Return which of the stack's ports somebody listens on."""
    return [port for port in PORTS if _answers(port)]


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def request(url: str, body: object | None = None, method: str | None = None) -> tuple[int, bytes]:
    """Return status and body of one HTTP request; errors are answers too."""
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
