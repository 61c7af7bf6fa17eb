"""The agent on a real socket: inside the test's process where that is enough, as its own process where it is not."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))  # `services` is not an installed package

from services.agent.app.factory import create_service  # noqa: E402 - it needs the line above
from services.agent.app.serve import take_port, waitress_server  # noqa: E402
from services.agent.app.settings import Settings  # noqa: E402

START_SECONDS = 30


class RunningAgent:
    """An agent in this process. `ask` is POST /chat."""

    def __init__(self, url: str, service: Any) -> None:
        self.url = url
        self.service = service
        self.client = httpx.Client(base_url=url, timeout=20, trust_env=False)

    def ask(self, message: str = "Hi", **fields: Any) -> httpx.Response:
        return self.client.post("/chat", json={"message": message} | fields)

    def history(self, **query: Any) -> list[dict[str, Any]]:
        return self.client.get("/history", params=query).json()["items"]


@contextmanager
def running_agent(data: Path, llm_url: str, name: str = "agent", **settings: Any) -> Iterator[RunningAgent]:
    chosen = Settings(llm_url=f"{llm_url}/v1", data_dir=data, **settings)
    service = create_service(chosen, name)
    listener = take_port("127.0.0.1", 0)
    server = waitress_server(service.app, chosen, listener)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    agent = RunningAgent(f"http://127.0.0.1:{listener.getsockname()[1]}", service)
    try:
        with agent.client:
            yield agent
    finally:
        service.drain(0.5)
        with server.trigger.lock:  # which the loop needs to run it: it must not close the trigger before this is over
            server.trigger.thunks.append(lambda: _close_all(server))
            server.pull_trigger()
        thread.join(5)
        server.task_dispatcher.shutdown(timeout=2)
        service.history.close()
    assert not thread.is_alive()


def _close_all(server: Any) -> None:
    for channel in list(server.active_channels.values()):
        channel.handle_close()
    server.close()


def spawn(*arguments: str, cwd: Path = ROOT, **variables: str) -> "subprocess.Popen[str]":
    """Start Python with warnings as errors and nothing of our own environment but the search path."""
    environment = {"PATH": os.environ["PATH"], "PORT": "0"} | variables
    command = [sys.executable, "-W", "error", *arguments]
    return subprocess.Popen(command, cwd=cwd, env=environment, stderr=subprocess.PIPE, text=True)


class AgentProcess:
    """A started agent process."""

    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self.process = process
        self.client = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; return the exit code and how many seconds that took."""
        started = monotonic()
        self.process.send_signal(number)
        self.process.wait(10)
        return self.process.returncode, monotonic() - started


@contextmanager
def agent_process(data: Path, *arguments: str, cwd: Path = ROOT, **variables: str) -> Iterator[AgentProcess]:
    with spawn(*(arguments or ("-m", "services.agent")), cwd=cwd, DATA_DIR=str(data), **variables) as process:
        try:
            agent = AgentProcess(process, _until_listening(process))
            with agent.client:
                yield agent
        finally:
            process.kill()


def outcome(*arguments: str, **variables: str) -> tuple[int, str]:
    """Run to the end; return the exit code and what was said."""
    with spawn(*(arguments or ("-m", "services.agent")), **variables) as process:
        try:
            _, said = process.communicate(timeout=START_SECONDS)
        finally:
            process.kill()
    return process.returncode, said


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _until_listening(process: "subprocess.Popen[str]") -> str:
    text = ""
    deadline = monotonic() + START_SECONDS
    descriptor = process.stderr.fileno()
    while select.select([descriptor], [], [], max(0, deadline - monotonic()))[0]:
        piece = os.read(descriptor, 4096).decode()
        text += piece
        if found := re.search(r"listens on ([0-9.]+:\d+)", text):
            return f"http://{found[1]}"
        if not piece:
            break
    raise AssertionError(f"it does not listen: {text}")
