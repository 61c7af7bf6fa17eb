"""The real API server as a child process on a port of the system's choice."""

import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import httpx

ROOT = Path(__file__).resolve().parents[3]
API = ROOT / "services" / "api"
START_SECONDS = 30


class RunningApi:
    """A started server; `url` is known once it listens."""

    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self.process = process
        self.client = httpx.Client(base_url=url, timeout=10, trust_env=False)

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; return the exit code and what was written to stderr."""
        self.process.send_signal(number)
        _, complaints = self.process.communicate(timeout=10)
        return self.process.returncode, complaints


def environment(**variables: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PORT": "0"} | variables


def spawn(*, module: str = "services.api", cwd: Path = ROOT, **variables: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=cwd,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running_api(*, module: str = "services.api", cwd: Path = ROOT, **variables: str) -> Iterator[RunningApi]:
    with spawn(module=module, cwd=cwd, **variables) as process:
        try:
            api = RunningApi(process, _address(process))
            with api.client:
                yield api
        finally:
            process.kill()


def _address(process: "subprocess.Popen[str]") -> str:
    """Read the log until the server says where it listens."""
    text = ""
    deadline = monotonic() + START_SECONDS
    descriptor = process.stdout.fileno()
    while select.select([descriptor], [], [], max(0, deadline - monotonic()))[0]:
        piece = os.read(descriptor, 4096).decode()
        text += piece
        if found := re.search(r"listening on (http://\S+)", text):
            return found[1]
        if not piece:
            break
    raise AssertionError(f"the server did not come up: {text}{process.stderr.read() if process.poll() else ''}")
