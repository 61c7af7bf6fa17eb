"""A real backend on a port that the system picked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
from running_worker import RunningWorker, running_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

REPOSITORY = Path(__file__).resolve().parents[3]
START_S = 15.0
WITHIN_S = 15.0

T = TypeVar("T")


def wait_for(condition: Callable[[], T], what: str, within: float = WITHIN_S) -> T:
    """Return the first true value of ``condition``."""
    end, pause = time.monotonic() + within, threading.Event()
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {within} s: {what}"
        pause.wait(0.02)


def environment(folder: Path, **settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
    own = {
        "DATA_DIR": str(folder / "data"),
        "MEDIA_PATH": str(folder / "media"),
        "LOG_DIR": str(folder / "logs"),
        "MEDIA_SAMPLES": "0",
        "SCAN_INTERVAL": "0",
        "MEDIA_WATCH": "0",
        "WORKER_DECODERS": "1",
        "PORT": "0",
        "PYTHONWARNINGS": "error::ResourceWarning",
    }
    return kept | own | settings


def outcome(folder: Path, *arguments: str, **settings: str) -> tuple[int, str, str]:
    """Run ``python -m services.backend...`` to its end: exit code, stdout, stderr."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env=environment(folder, **settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@dataclass
class RunningBackend:
    folder: Path
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    url: str = ""
    worker: RunningWorker | None = None
    _reader: threading.Thread | None = None

    @property
    def media(self) -> Path:
        return self.folder / "media"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.url.removeprefix("http://").split(":")
        return host, int(port)

    @property
    def ws(self) -> str:
        return self.url.replace("http", "ws") + "/ws"

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=10, trust_env=False)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        with self.client() as client:
            return client.request(method, path, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def add(self, path: str, **fields: Any) -> httpx.Response:
        return self.request("POST", "/api/v1/assets", json={"file_path": path, **fields})

    def assets(self, **query: Any) -> list[dict[str, Any]]:
        return self.get("/api/v1/assets", params=query).json()["items"]

    def asset(self, path: str) -> dict[str, Any]:
        return next(asset for asset in self.assets() if asset["file_path"] == path)

    def wait_until_ready(self, count: int, within: float = WITHIN_S) -> list[dict[str, Any]]:
        """Wait until so many assets are ready."""

        def ready() -> list[dict[str, Any]] | None:
            return found if len(found := self.assets(status="ready")) >= count else None

        return wait_for(ready, f"{count} ready assets", within)

    def wait_for_status(self, asset_id: int, *statuses: str) -> dict[str, Any]:
        def settled() -> dict[str, Any] | None:
            asset = self.get(f"/api/v1/assets/{asset_id}").json()
            return asset if asset["status"] in statuses else None

        return wait_for(settled, f"asset {asset_id} is {' or '.join(statuses)}")

    def said(self, text: str) -> bool:
        """Whether the backend or its worker wrote this."""
        return any(text in line for line in list(self.lines)) or (self.worker is not None and self.worker.said(text))

    def stop(self, within: float = 5.0) -> int:
        self.process.terminate()
        return self.process.wait(within)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)

    def _await_address(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

        def address() -> str | None:
            assert self.process.poll() is None, "".join(self.lines)
            found = (re.search(r"listening on (http://\S+)", line) for line in list(self.lines))
            return next((match[1] for match in found if match), None)

        self.url = wait_for(address, "the backend listens", START_S)


@contextmanager
def running_backend(
    folder: Path,
    command: Sequence[str] = ("-m", "services.backend"),
    cwd: Path = REPOSITORY,
    *,
    worker: bool = True,
    **settings: str,
) -> Iterator[RunningBackend]:
    """Start a backend and, unless told otherwise, a worker beside it."""
    with ExitStack() as stack:
        server = stack.enter_context(_backend_alone(folder, command, cwd, settings))
        if worker:
            server.worker = stack.enter_context(running_worker(folder, **settings))
        yield server


@contextmanager
def _backend_alone(
    folder: Path, command: Sequence[str], cwd: Path, settings: dict[str, str]
) -> Iterator[RunningBackend]:
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=cwd,
        env=environment(folder, **settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    server = RunningBackend(folder, process)
    try:
        server._await_address()
        yield server
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
            raise
        finally:
            if server._reader is not None:
                server._reader.join(5)
            assert process.stdout is not None
            process.stdout.close()
