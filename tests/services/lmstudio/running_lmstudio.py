"""The real model server as a child process on a port that was free a moment ago."""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import httpx

ROOT = Path(__file__).resolve().parents[3]
LOAD_SECONDS = 60  # 1 s on an idle machine; it was seen to take 13 s on a very busy one


class RunningModel:
    """A started model server. It listens long before it is ready."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        # No connection is used twice: llama.cpp closes each after a streamed answer without having said so.
        alone = httpx.Limits(max_keepalive_connections=0)
        self.client = httpx.Client(base_url=self.url, timeout=60, trust_env=False, limits=alone)
        self.statuses: list[int] = []

    def wait_until_loaded(self) -> None:
        """Ask for its health until that is 200; `statuses` keeps every answer on the way."""
        deadline = monotonic() + LOAD_SECONDS
        while monotonic() < deadline and self.process.poll() is None:
            try:
                self.statuses.append(self.client.get("/health").status_code)
            except httpx.TransportError:
                select.select([], [], [], 0.005)
                continue
            if self.statuses[-1] == 200:
                return
        raise AssertionError(f"not loaded in {LOAD_SECONDS} s, exit code {self.process.poll()}: {self.statuses[-3:]}")

    def wait_until_listening(self) -> None:
        """Wait for any answer at all."""
        deadline = monotonic() + LOAD_SECONDS
        while monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            select.select([], [], [], 0.002)
        raise AssertionError("nothing listens")

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; return the exit code and how many seconds that took."""
        started = monotonic()
        self.process.send_signal(number)
        self.process.wait(10)
        return self.process.returncode, monotonic() - started


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(**variables: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")} | variables


@contextmanager
def running_model(**variables: str) -> Iterator[RunningModel]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "services.lmstudio"],
        cwd=ROOT,
        env=environment(PORT=str(port), **variables),
        stderr=subprocess.DEVNULL,
    )
    model = RunningModel(process, port)
    try:
        with model.client:
            yield model
    finally:
        process.kill()
        process.wait(10)


def outcome(**variables: str) -> tuple[int, str]:
    """Run to the end; return the exit code and what was said."""
    done = subprocess.run(
        [sys.executable, "-m", "services.lmstudio"],
        cwd=ROOT,
        env=environment(**variables),
        stderr=subprocess.PIPE,
        text=True,
        timeout=LOAD_SECONDS,
        check=False,
    )
    return done.returncode, done.stderr
