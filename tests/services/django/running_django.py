"""The real Django backend as a child process on a port of the system's choice."""

import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import httpx

ROOT = Path(__file__).resolve().parents[3]
PROJECT = ROOT / "services" / "django"
SERVE = ("-m", "services.django")
START_SECONDS = 30


class RunningDjango:
    """A started server; `log` is what it wrote up to the line that says where it listens."""

    def __init__(self, process: "subprocess.Popen[str]", url: str, log: str) -> None:
        self.process = process
        self.log = log
        self.client = httpx.Client(base_url=url, timeout=10, trust_env=False)

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; return the exit code and what was written to stderr."""
        self.process.send_signal(number)
        _, complaints = self.process.communicate(timeout=10)
        return self.process.returncode, complaints


def spawn(arguments: Sequence[str], data: Path, *, cwd: Path = ROOT, **variables: str) -> "subprocess.Popen[str]":
    """Start Python with warnings as errors and nothing of our own environment but the search path."""
    environment = {"PATH": os.environ["PATH"], "PORT": "0", "DATA_DIR": str(data)}
    return subprocess.Popen(
        [sys.executable, "-W", "error", *arguments],
        cwd=cwd,
        env=environment | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outcome(arguments: Sequence[str], data: Path, *, cwd: Path = ROOT, **variables: str) -> tuple[int, str, str]:
    """Run to the end; return the exit code, stdout and stderr."""
    with spawn(arguments, data, cwd=cwd, **variables) as process:
        try:
            output, complaints = process.communicate(timeout=30)
        finally:
            process.kill()
        return process.returncode, output, complaints


@contextmanager
def running_django(
    data: Path, arguments: Sequence[str] = SERVE, *, cwd: Path = ROOT, **variables: str
) -> Iterator[RunningDjango]:
    with spawn(arguments, data, cwd=cwd, **variables) as process:
        try:
            log, url = _until_listening(process)
            django = RunningDjango(process, url, log)
            with django.client:
                yield django
        finally:
            process.kill()


def _until_listening(process: "subprocess.Popen[str]") -> tuple[str, str]:
    text = ""
    deadline = monotonic() + START_SECONDS
    descriptor = process.stdout.fileno()
    while select.select([descriptor], [], [], max(0, deadline - monotonic()))[0]:
        piece = os.read(descriptor, 4096).decode()
        text += piece
        if found := re.search(r"listening on (http://\S+)", text):
            return text, found[1]
        if not piece:
            break
    process.kill()
    raise AssertionError(f"the server did not come up: {text}{process.stderr.read()}")
