"""Real supervisor processes over manifests of misbehaving services, and what is left of them."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from mamctl.control.client import Client
from mamctl.control.place import place
from mamctl.core.errors import MamctlError
from mamctl.runtime.launch import start_supervisor
from tests.runtime.stack import lives
from tests.scripted import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mamctl.runtime.launch import Started

CALLER = str(pathlib.Path(__file__).with_name("caller.py"))
PATIENCE = 10.0


class Folder:
    """A folder with a manifest of a name of its own, by which everything that it starts is found again."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.name = f"t{os.urandom(4).hex()}"
        self.manifest = path / "services.yaml"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAMCTL_")}
        self.environ = {**inherited, "XDG_RUNTIME_DIR": str(path)}
        self.pids: list[int] = []
        self._leases: list[Started] = []

    def write(self, services: dict[str, Any], **top: Any) -> None:
        self.manifest.write_text(json.dumps({"name": self.name, **top, "services": services}, indent=1))

    @property
    def place(self) -> Any:
        return place(str(self.manifest), self.environ)

    @property
    def client(self) -> Client:
        return Client(self.place.socket, timeout=PATIENCE)

    def start(self, services: dict[str, Any] | None = None, /, *, foreground: bool = False, **up: Any) -> int:
        """Start a supervisor as the command line does; return its pid."""
        if services is not None:
            self.write(services)
        started = start_supervisor(self.place, up=up, foreground=foreground, environ=self.environ)
        self.pids.append(started.pid)
        self._leases.append(started)
        return started.pid

    def call(self, *, foreground: bool = False, **wish: Any) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
        """Start one from a process of its own (see caller.py); return that process and what came of it."""
        report = self.path / "report"
        report.unlink(missing_ok=True)
        wish |= {"manifest": str(self.manifest), "foreground": foreground, "report": str(report)}
        caller = subprocess.Popen([sys.executable, CALLER, json.dumps(wish)], env=self.environ, cwd=self.path)
        eventually(lambda: report.exists() or caller.poll() is not None, within=PATIENCE)
        found: dict[str, Any] = json.loads(report.read_text())
        if "pid" in found:
            self.pids.append(found["pid"])
        return caller, found

    def settle(self) -> dict[str, Any]:
        """Wait until all has settled; return the report."""
        found: dict[str, Any] = self.client.request("POST", "/v1/up", {"only_wait": True, "wait": PATIENCE})
        return found

    def row(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.request("GET", f"/v1/services/{name}")
        return found

    def down(self, **body: Any) -> dict[str, Any]:
        """Stop everything, and wait until the supervisor has left."""
        found: dict[str, Any] = self.client.request("POST", "/v1/down", {"wait": PATIENCE, **body})
        self.ended(self.pids[-1])
        return found

    def ended(self, pid: int) -> int | None:
        """Wait until a supervisor has ended; return its exit code, None when it is not our child."""
        eventually(lambda: not lives(pid), within=PATIENCE)
        with contextlib.suppress(ChildProcessError):
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return None

    def let_go(self) -> None:
        """Close the leases that we hold."""
        for started in self._leases:
            if started.lease is not None:
                started.lease.close()
        self._leases.clear()

    def processes(self) -> list[int]:
        """Return every process that bears this folder's mark."""
        mark = f"MAMCTL_PROJECT={self.name}\0".encode()
        found = []
        for entry in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                if entry.isdigit() and mark in pathlib.Path("/proc", entry, "environ").read_bytes() + b"\0":
                    found.append(int(entry))
        return found

    def log(self, name: str) -> str:
        return pathlib.Path(self.place.logs, f"{name}.log").read_text()

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in pathlib.Path(self.place.events).read_text().splitlines()]

    def happened(self, *kinds: str) -> list[tuple[str, str]]:
        """Return who had these events, in order."""
        return [(event["service"], event["type"]) for event in self.events() if event["type"] in kinds]


@contextlib.contextmanager
def supervised(path: pathlib.Path) -> Iterator[Folder]:
    """Give a folder; afterwards no supervisor of it runs, and nothing that one started."""
    folder = Folder(path)
    try:
        yield folder
    finally:
        folder.let_go()
        _end(folder)
        _end_what_a_command_began(folder)
    assert folder.processes() == []


def _end(folder: Folder) -> None:
    for pid in folder.pids:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, AssertionError):
                if lives(pid):
                    os.kill(pid, number)
                eventually(lambda pid=pid: not lives(pid), within=PATIENCE)
        folder.ended(pid)


def _end_what_a_command_began(folder: Folder) -> None:
    """End the stack that `mamctl up -d` began in a test that did not come to its `down`.

    Its supervisor is no child of ours and bears no mark; its socket leads to it.
    """
    try:
        found = folder.client.request("GET", "/v1/status")["supervisor"]
    except MamctlError:
        return
    with contextlib.suppress(MamctlError):
        folder.client.request("POST", "/v1/down", {"wait": PATIENCE})
    for pid in (found["guardian_pid"], found["pid"]):
        with contextlib.suppress(ProcessLookupError, AssertionError):
            eventually(lambda pid=pid: not lives(pid), within=PATIENCE)
            continue
        # It does not go: without its guardian nobody starts another.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    end_orphans(folder)


def end_orphans(folder: Folder) -> None:
    """Kill what a killed supervisor left behind, and collect it where it became our child."""
    left = folder.processes()
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for pid in left:
        eventually(lambda pid=pid: not lives(pid), within=PATIENCE)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)


def within(seconds: float, condition: Callable[[], object]) -> None:
    """Wait until it holds; fail after so many seconds."""
    eventually(condition, within=seconds)
