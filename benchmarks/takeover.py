"""How soon a stack is owned again after kill -9 of its supervisor, how long a replacement takes, and memory.

    python benchmarks/takeover.py [--rounds 10]

Owned again: a new supervisor answers, and shows every service ready with the pid that it had. Each kill is done to a
fresh stack that has been at rest for a second, because a guardian waits before it starts a supervisor that crashed
twice within a minute (100 ms, then 200, then 400). Blackout: the longest time that one of many GETs takes, asked one
after the other while `mamctl reexec` replaces the supervisor. With PYTHONDONTWRITEBYTECODE set every start would
compile the package again: it is taken out of the environment.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mamctl.control.client import Client
from mamctl.control.door import ask_guardian
from mamctl.control.place import place
from mamctl.core.errors import MamctlError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAMCTL = [sys.executable, "-m", "mamctl.cli.main"]
ENVIRON = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
DEADLINE = 30.0
REST = 1.0
PAUSE = 0.001


class Run:
    """A stack of so many services that do nothing."""

    def __init__(self, folder: str, count: int) -> None:
        self.folder = folder
        services = {f"s{number}": {"command": ["sleep", "100000"]} for number in range(count)}
        manifest = pathlib.Path(folder, "services.yaml")
        manifest.write_text(json.dumps({"name": f"takeover{os.getpid()}", "services": services}))
        self.place = place(str(manifest), ENVIRON)
        self.client = Client(self.place.socket)
        self.mamctl("up", "-d")

    def mamctl(self, *words: str) -> None:
        """Run a command in the stack's folder."""
        subprocess.run([*MAMCTL, *words], cwd=self.folder, env=ENVIRON, check=True, capture_output=True)

    def status(self) -> dict[str, Any]:
        """Return the status document."""
        found: dict[str, Any] = self.client.request("GET", "/v1/status")
        return found

    def ready(self) -> dict[str, int]:
        """Return the pid of each service that is ready; none while nobody answers."""
        try:
            rows = self.status()["services"]
        except MamctlError:
            return {}
        return {row["name"]: row["pid"] for row in rows if row["state"] == "ready"}


@contextmanager
def running(count: int) -> Iterator[Run]:
    with tempfile.TemporaryDirectory(prefix="takeover-") as folder:
        run = Run(folder, count)
        try:
            yield run
        finally:
            run.mamctl("down")


def owned_again(run: Run) -> float:
    """Kill the supervisor; return the seconds until another owns everything."""
    time.sleep(REST)
    before = run.ready()
    brain = run.status()["supervisor"]["pid"]
    began = time.monotonic()
    os.kill(brain, signal.SIGKILL)
    # The old one's socket goes on to accept: an answer is from the new one.
    while run.ready() != before:
        if time.monotonic() > began + DEADLINE:
            raise SystemExit("error: not everything was owned again")
        time.sleep(PAUSE)
    return time.monotonic() - began


def killed_once(count: int) -> float:
    with running(count) as run:
        return owned_again(run)


def blackout(run: Run) -> float:
    """Replace the supervisor; return the longest time that a client waited for an answer, in seconds."""
    waits: list[float] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            began = time.monotonic()
            run.client.request("GET", "/v1/health")
            waits.append(time.monotonic() - began)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        run.mamctl("reexec")
    finally:
        over.set()
        thread.join()
    return max(waits)


def resident(pid: int) -> float:
    """Return the resident memory of a process, in MB."""
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def guardian_memory(run: Run) -> float:
    guard = ask_guardian(run.place)
    if guard is None:
        raise SystemExit("error: there is no guardian")
    return resident(guard.pid)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=10)
    rounds = options.parse_args().rounds
    print("| figure | median | worst | goal |")
    print("| --- | --- | --- | --- |")
    for count, goal in ((20, 250), (500, 1000)):
        with running(count) as run:
            taken = [owned_again(run)]
            waited = [blackout(run) for _ in range(rounds)]
            memory = guardian_memory(run)
        taken += [killed_once(count) for _ in range(rounds - 1)]
        print(_row(f"owned again after kill -9, {count} services, ms", [1000 * one for one in taken], goal))
        print(_row(f"blackout of reexec, {count} services, ms", [1000 * one for one in waited], 100))
        print(_row(f"guardian of {count} services, RSS in MB", [memory], 12))


def _row(figure: str, values: list[float], goal: int) -> str:
    return f"| {figure} | {statistics.median(values):.1f} | {max(values):.1f} | {goal} |"


if __name__ == "__main__":
    main()
