"""A manifest of misbehaving services in a temporary folder, run by a real ProcessManager."""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import socket
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mamctl import ProcessManager

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

MISBEHAVE = str(pathlib.Path(__file__).parent.parent / "misbehave.py")
DEADLINE = 10.0


def service(*options: object, **keys: Any) -> dict[str, Any]:
    """Return a service that misbehaves as the options say."""
    return {"command": [sys.executable, "-S", MISBEHAVE, *map(str, options)], **keys}


def free_port() -> int:
    """Return a port that nobody has."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Stack:
    """One folder with a manifest; `path` is the manifest's."""

    def __init__(self, folder: pathlib.Path, services: dict[str, Any], **top: Any) -> None:
        self.folder = folder
        self.path = folder / "services.yaml"
        self.write(services, **top)

    def write(self, services: dict[str, Any], **top: Any) -> None:
        """Write the manifest anew."""
        self.path.write_text(json.dumps({"name": "test", **top, "services": services}, indent=1))

    def log(self, name: str) -> bytes:
        """Return a log as it lies on disk."""
        return (self.folder / "logs" / f"{name}.log").read_bytes()

    @asynccontextmanager
    async def managed(self) -> AsyncIterator[ProcessManager]:
        """Supervise it; leaving stops everything."""
        async with (
            asyncio.timeout(DEADLINE),
            ProcessManager(str(self.path), home=str(self.folder / ".mamctl")) as manager,
        ):
            yield manager


def run(scenario: Coroutine[Any, Any, None]) -> None:
    """Run a scenario to its end."""
    asyncio.run(scenario)


async def until(manager: ProcessManager, test: Callable[[], object]) -> None:
    """Wait until something is true, looking again at every change."""
    async with asyncio.timeout(DEADLINE):
        while not test():
            try:
                async with asyncio.timeout(0.02):
                    await manager.hands.changed()
            except TimeoutError:
                continue


def row(manager: ProcessManager, name: str) -> dict[str, Any]:
    """Return a service's row of the status document."""
    return next(found for found in manager.status()["services"] if found["name"] == name)


def lives(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def descriptors() -> int:
    """Return how many descriptors we have open."""
    return len(os.listdir("/proc/self/fd"))
