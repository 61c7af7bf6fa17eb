"""A real ProcessManager behind a real ControlServer, over TCP with a token, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import threading
from typing import TYPE_CHECKING, Any

from mamctl import ProcessManager
from mamctl.cli.supervision import facade_of
from mamctl.control.admission import OverTcp
from mamctl.control.listener import Listener
from mamctl.control.secret import TokenFile
from mamctl.control.server import ControlServer
from mamctl.control.tcp import listen
from mamctl.runtime.views import Views
from tests.scripted import MISBEHAVE

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Iterator

PATIENCE = 20.0
SERVICES: dict[str, Any] = {
    "web": {"command": [sys.executable, "-S", MISBEHAVE, "--print", "one", "--print", "two"]},
    "idle": {"command": ["sleep", "1000"], "depends_on": ["web"], "restart": {"delay": 0, "max_attempts": None}},
    "task": {"kind": "task", "command": ["true"]},
    "crew": {"command": ["sleep", "1000"], "replicas": 1, "profiles": ["crew"]},
    "broken": {"command": ["/none/such"], "profiles": ["ai"]},
}


class RealStack:
    """The address, the token, and the parts behind them.

    `down` ends whatever bears the mark of the project, so two that live at one time have two names.
    """

    def __init__(self, folder: pathlib.Path, name: str, services: dict[str, Any]) -> None:
        self.folder = folder
        self.manifest = folder / "services.yaml"
        self.manifest.write_text(json.dumps({"name": name, "services": services}))
        self.socket = str(folder / ".mamctl" / "control.sock")
        self._standing = threading.Event()
        self.url = ""

    async def run(self) -> None:
        """Serve until `leave`."""
        self.loop = asyncio.get_running_loop()
        self._leaving = asyncio.Event()
        async with ProcessManager(str(self.manifest), home=str(self.folder / ".mamctl")) as manager:
            self.manager = manager
            token = TokenFile(str(self.folder / "token"))
            self.token = (self.folder / "token").read_text().strip()
            own, tcp = Listener(self.socket), listen("127.0.0.1", 0)
            self.url = f"http://127.0.0.1:{tcp.getsockname()[1]}"
            self.server = ControlServer(own.socket, manager.operator, manager.history, Views(manager.hands))
            self.server.make_facade = lambda: facade_of(manager)
            await self.server.start()
            self.server.tools_over_tcp = True
            await self.server.open_tcp(tcp, OverTcp(token, "127.0.0.1"))
            await manager.up(wait=PATIENCE)
            self._standing.set()
            await self._leaving.wait()
            await self.server.close(0.2)
            own.close()

    def stand(self) -> None:
        """Wait until it stands."""
        assert self._standing.wait(PATIENCE)

    def leave(self) -> None:
        """Let it end."""
        self.loop.call_soon_threadsafe(self._leaving.set)

    def soon(self, do: Callable[[], Any]) -> Any:
        """Do something in the server's thread and return what comes of it."""
        return asyncio.run_coroutine_threadsafe(_called(do), self.loop).result(PATIENCE)


async def _called(do: Callable[[], Any]) -> Any:
    return do()


@contextlib.contextmanager
def real_stack(folder: pathlib.Path, name: str = "real", services: dict[str, Any] = SERVICES) -> Iterator[RealStack]:
    """Serve a real stack while entered."""
    stack = RealStack(folder, name, services)
    problems: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(stack.run())
        except BaseException as problem:  # noqa: BLE001 - it is raised again where the stack is used
            problems.append(problem)
            stack._standing.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        stack.stand()
        assert not problems, problems
        yield stack
    finally:
        if not problems:
            stack.leave()
        thread.join(PATIENCE)
    assert not thread.is_alive()
    assert not problems, problems
