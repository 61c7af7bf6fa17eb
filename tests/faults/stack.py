"""A real stack under a real `mamctl up -d`: who owns it, what runs of it, what it wrote."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

from mamctl.control.client import Client
from mamctl.control.place import place
from tests.faults.tally import Tally, tally
from tests.runtime.stack import lives
from tests.scripted import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mamctl.control.place import Place

WRITER = str(pathlib.Path(__file__).with_name("writer.py"))
MISBEHAVE = str(pathlib.Path(__file__).parent.parent / "misbehave.py")
MAMCTL = (sys.executable, "-m", "mamctl.cli.main")
PATIENCE = 30.0


class Stack:
    """One folder with a manifest of a name of its own, by which everything that it starts is found again.

    `environ` is added to ours for every command. What the writers note lies in `notes`.
    """

    def __init__(self, folder: pathlib.Path, environ: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.name = f"f{os.urandom(4).hex()}"
        self.manifest = folder / "services.yaml"
        self.notes = folder / "notes"
        self.notes.mkdir(parents=True)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAMCTL_")}
        self._runtime = tempfile.TemporaryDirectory(prefix="mamctl-")
        self.environ = {**inherited, "XDG_RUNTIME_DIR": self._runtime.name, **(environ or {})}

    def close(self) -> None:
        """Remove the folder of the control socket, whose path must be short."""
        self._runtime.cleanup()

    def writer(self, *options: object, **keys: Any) -> dict[str, Any]:
        """Return a service that writes numbered lines as writer.py tells."""
        return {"command": [sys.executable, "-IS", WRITER, str(self.notes), *map(str, options)], **keys}

    def write(self, services: Mapping[str, Any], **top: Any) -> None:
        """Write the manifest."""
        self.manifest.write_text(json.dumps({"name": self.name, **top, "services": services}, indent=1))

    @property
    def place(self) -> Place:
        """Where its files lie."""
        return place(str(self.manifest), self.environ)

    @property
    def client(self) -> Client:
        """A client of the control socket."""
        return Client(self.place.socket, timeout=PATIENCE)

    # Commands -----------------------------------------------------------------------------------------------------

    def command(self, *words: str) -> subprocess.Popen[str]:
        """Begin a command, as a person would in this folder."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [*MAMCTL, *words], env=self.environ, cwd=self.folder, stdout=pipe, stderr=pipe, text=True
        )

    def mamctl(self, *words: str, code: int | None = 0) -> str:
        """Run a command to its end; return what it said. `code`: what it must exit with (None: anything)."""
        with self.command(*words) as process:
            try:
                out, err = process.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        assert code is None or process.returncode == code, f"{words}: exit {process.returncode}: {out}{err}"
        return out + err

    def up(self, services: Mapping[str, Any] | None = None, *words: str, code: int | None = 0) -> str:
        """Bring it up, detached."""
        if services is not None:
            self.write(services)
        return self.mamctl("up", "-d", *words, code=code)

    def down(self) -> None:
        """Stop everything."""
        self.mamctl("down")

    def status(self) -> dict[str, Any]:
        """Return the status document."""
        found: dict[str, Any] = self.client.request("GET", "/v1/status")
        return found

    def rows(self) -> dict[str, dict[str, Any]]:
        """Return the row of each service."""
        return {row["name"]: row for row in self.status()["services"]}

    def pids(self) -> dict[str, int]:
        """Return the pid of each service that has one."""
        return {name: row["pid"] for name, row in self.rows().items() if row["pid"]}

    def restarts(self) -> int:
        """Return how often services were restarted automatically, all together."""
        return sum(row["restarts"] for row in self.rows().values())

    # Who owns it, and what runs -----------------------------------------------------------------------------------

    @property
    def brain(self) -> int:
        """The pid of the supervisor that answers."""
        return int(self.status()["supervisor"]["pid"])

    @property
    def guardian(self) -> int | None:
        """The pid of its guardian, if it has one."""
        found: int | None = self.status()["supervisor"].get("guardian_pid")
        return found

    def owners(self) -> list[int]:
        """Return every supervisor of this manifest that lives."""
        return [pid for pid, words in commands() if b"mamctl.cli.supervise" in words and self._is_named(words)]

    def keepers(self) -> list[int]:
        """Return every process of mamctl's own that lives for this manifest: supervisors and guardians."""
        ours = [(pid, words) for pid, words in commands() if any(b"mamctl." in word for word in words)]
        return [pid for pid, words in ours if self._is_named(words) or self._is_here(pid)]

    def _is_named(self, words: list[bytes]) -> bool:
        return any(os.fsencode(self.manifest) in word for word in words)

    def _is_here(self, pid: int) -> bool:
        """Tell by its folder: what a guardian knows is not on its command line."""
        with contextlib.suppress(OSError):
            return os.readlink(f"/proc/{pid}/cwd") == str(self.folder)
        return False

    def processes(self) -> dict[int, str]:
        """Return every living process that bears this stack's mark, with the name of its incarnation."""
        mark, found = f"MAMCTL_PROJECT={self.name}".encode(), {}
        for pid in numbers():
            with contextlib.suppress(OSError):
                variables = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
                if mark in variables and lives(pid):
                    instance = next((word for word in variables if word.startswith(b"MAMCTL_INSTANCE=")), b"=?")
                    found[pid] = instance.partition(b"=")[2].decode()
        return found

    def doubles(self) -> int:
        """Return how often two incarnations of one service lived at one time: by the writers' notes, and by now."""
        noted = self.notes / "doubles"
        before = len(noted.read_text().splitlines()) if noted.exists() else 0
        services = [instance.rpartition("/")[0] for instance in set(self.processes().values())]
        return before + len(services) - len(set(services))

    # What it wrote ------------------------------------------------------------------------------------------------

    def tally(self, *services: str, cut: bool = False) -> Tally:
        """Count the lines of services whose writers have ended (see tally.py)."""
        logs = pathlib.Path(self.place.logs)
        return sum((tally(logs, self.notes, name, cut=cut) for name in services), Tally())

    def log(self, name: str) -> pathlib.Path:
        """Return the path of a service's log."""
        return pathlib.Path(self.place.logs, f"{name}.log")

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """Return what happened, of these types (all, without any)."""
        lines = pathlib.Path(self.place.events).read_bytes().splitlines()
        found = [json.loads(line) for line in lines if line.strip(b"\0")]
        return [event for event in found if not kinds or event["type"] in kinds]

    def said(self) -> str:
        """Return the supervisor's own log."""
        return pathlib.Path(self.place.logs, "mamctl.log").read_text()


def numbers() -> list[int]:
    """Return all pids."""
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def commands() -> Iterator[tuple[int, list[bytes]]]:
    """Yield every living process with the words of its command line."""
    for pid in numbers():
        with contextlib.suppress(OSError):
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if lives(pid):
                yield pid, words


def end(pids: list[int]) -> None:
    """Kill, and wait until they are gone."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for pid in pids:
        eventually(lambda pid=pid: not lives(pid), within=PATIENCE)


@contextlib.contextmanager
def stacked(folder: pathlib.Path, environ: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """Give a stack; afterwards nothing of it runs. What had to be killed by us is an error of the product's."""
    stack = Stack(folder, environ)
    try:
        yield stack
        if stack.keepers():
            stack.down()
            assert stack.processes() == {}
    finally:
        # Guardians first: they would only start another.
        while keepers := stack.keepers():
            for pid in keepers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
            end(keepers)
        end(list(stack.processes()))
        stack.close()
