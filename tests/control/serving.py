"""A real ControlServer on a real Unix socket, in a thread of its own; its operator only notes what he is told."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import logging
import os
import socket
import threading
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from mamctl.control.admission import OverTcp
from mamctl.control.client import Client
from mamctl.control.listener import Listener
from mamctl.control.secret import TokenFile
from mamctl.control.server import ControlServer
from mamctl.control.tcp import listen
from mamctl.core.errors import UsageError
from mamctl.runtime.history import History

if TYPE_CHECKING:
    import pathlib
    from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence

PATIENCE = 10.0
SERVICES = ("web", "db")


class NotingOperator:
    """Knows `web` and `db`. Every call is noted; while `held` it is not answered; `fault` is raised instead."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.held = asyncio.Event()
        self.held.set()
        self.fault: Exception | None = None

    def document(self) -> dict[str, Any]:
        return {"name": "test", "services": [{"name": name, "state": "ready"} for name in SERVICES]}

    def select(self, names: Any) -> list[str]:
        found = [known for known in SERVICES if any(fnmatchcase(known, name) for name in names)]
        if not found:
            raise UsageError("no such service", "services: web, db")
        return found

    async def up(self, names: Any, profiles: Any, *, alone: bool, wait: float | None) -> dict[str, Any]:
        return await self._note("up", names, tuple(profiles), alone, wait)

    async def settle(self, *, wait: float | None) -> dict[str, Any]:
        return await self._note("settle", wait)

    async def start(self, names: Sequence[str], *, wait: float | None) -> dict[str, Any]:
        return await self._note("start", self.select(names), wait)

    async def stop(self, names: Sequence[str], *, wait: float | None) -> dict[str, Any]:
        return await self._note("stop", names, wait)

    async def restart(self, names: Sequence[str] | None, *, wait: float | None) -> dict[str, Any]:
        return await self._note("restart", names and self.select(names), wait)

    async def scale(self, numbers: Mapping[str, int], *, wait: float | None) -> dict[str, Any]:
        return await self._note("scale", dict(numbers), wait)

    async def down(self, *, force: bool, wait: float | None) -> dict[str, Any]:
        return await self._note("down", force, wait)

    async def wait_for(self, names: Sequence[str], goal: str, wait: float) -> dict[str, Any]:
        return await self._note("wait_for", names, goal, wait)

    def signal(self, names: Sequence[str], number: int) -> dict[str, Any]:
        self.calls.append(("signal", (names, number)))
        if self.fault is not None:
            raise self.fault
        return {"signal": number, "services": list(names)}

    async def _note(self, what: str, *with_: Any) -> dict[str, Any]:
        self.calls.append((what, with_))
        await self.held.wait()
        if self.fault is not None:
            raise self.fault
        return {"ok": True, "calls": len(self.calls)}


class FewViews:
    """Logs come from a list that grows; every batch asked for is noted."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.asked: list[tuple[Any, ...]] = []
        self.open = 0

    async def logs(
        self, names: Sequence[str], *, tail: int | None, since: float | None, follow: bool
    ) -> AsyncGenerator[list[dict[str, Any]], None]:
        self.asked.append((tuple(names), tail, since, follow))
        self.open += 1
        given = 0
        try:
            while True:
                batch = self.lines[given:]
                given += len(batch)
                yield batch
                if not follow:
                    return
                await asyncio.sleep(0.001)
        finally:
            self.open -= 1

    async def figures(self) -> list[Any]:
        return [("up", "gauge", "It is up.", [("", {"service": "web"}, 1.0)])]

    def ports(self) -> list[dict[str, Any]]:
        return [{"service": "web", "port": 1}]

    def graph(self) -> dict[str, Any]:
        return {"services": list(SERVICES), "edges": [], "layers": [["db"], ["web"]]}


class Served:
    """What the tests hold: the socket, the parts behind it, and what went wrong inside."""

    def __init__(self, folder: pathlib.Path, **timing: float) -> None:
        self.socket = str(folder / "run" / "control.sock")
        self.client = Client(self.socket, timeout=PATIENCE)
        self.history = History(str(folder / "events"))
        self.views = FewViews()
        self.defects: list[str] = []
        self._timing = timing
        self._standing = threading.Event()

    async def run(self) -> None:
        """Serve until `leave`."""
        self.loop = asyncio.get_running_loop()
        self.loop.set_exception_handler(lambda _loop, context: self.defects.append(str(context)))
        self._leaving = asyncio.Event()
        self.operator = NotingOperator()
        listener = Listener(self.socket)
        self.server = ControlServer(listener.socket, self.operator, self.history, self.views, **self._timing)
        await self.server.start()
        self._standing.set()
        await self._leaving.wait()
        await self.server.close(0.2)
        listener.close()

    def wait_until_it_stands(self) -> None:
        assert self._standing.wait(PATIENCE)

    def leave(self) -> None:
        with contextlib.suppress(RuntimeError):  # it has left already
            self.loop.call_soon_threadsafe(self._leaving.set)

    def soon(self, do: Callable[[], Any]) -> None:
        """Do something in the server's thread and wait until it is done."""
        done = threading.Event()
        self.loop.call_soon_threadsafe(lambda: (do(), done.set()))
        assert done.wait(PATIENCE)

    def open_tcp(self, token_file: pathlib.Path, host: str = "127.0.0.1") -> int:
        """Let it answer over TCP too; return the port."""
        listener = listen(host, 0)
        admission = OverTcp(TokenFile(str(token_file)), host)
        opening = asyncio.run_coroutine_threadsafe(self.server.open_tcp(listener, admission), self.loop)
        opening.result(PATIENCE)
        return int(listener.getsockname()[1])

    def record(self, count: int = 1, **data: Any) -> None:
        """Let events happen."""
        self.soon(lambda: [self.history.record("info", "web", 1, data) for _ in range(count)])

    def connection(self) -> socket.socket:
        """Return a bare connection."""
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(PATIENCE)
        made.connect(self.socket)
        return made

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Send one request by the standard library's client; return the status and the document."""
        with contextlib.closing(Unix(self.socket)) as made:
            made.request(method, path, body, {"Host": "mamctl", **(headers or {})})
            answer = made.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None

    def say(self, data: bytes) -> bytes:
        """Send bytes and return all that comes back until the server closes."""
        with self.connection() as made:
            with contextlib.suppress(BrokenPipeError):
                made.sendall(data)
                made.shutdown(socket.SHUT_WR)
            return rest_of(made)


class Unix(http.client.HTTPConnection):
    """The standard library's HTTP client over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("mamctl", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self._path)


class _Errors(logging.Handler):
    def __init__(self, into: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._into = into

    def emit(self, record: logging.LogRecord) -> None:
        self._into.append(self.format(record))


def descriptors() -> dict[str, str]:
    """Return this process's open files: what each number stands for."""
    found = {}
    for file in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found[file] = os.readlink(f"/proc/self/fd/{file}")
    return found


@contextlib.contextmanager
def serving(folder: pathlib.Path, *, may_log: bool = False, **timing: float) -> Iterator[Served]:
    """Serve while entered; nothing may have gone wrong inside, and no descriptor may be left."""
    before = descriptors()
    served = Served(folder, **timing)
    handler = _Errors(served.defects)
    logging.getLogger("mamctl").addHandler(handler)
    thread = threading.Thread(target=lambda: asyncio.run(served.run()))
    thread.start()
    try:
        served.wait_until_it_stands()
        yield served
    finally:
        served.leave()
        thread.join(PATIENCE)
        logging.getLogger("mamctl").removeHandler(handler)
    assert not thread.is_alive()
    assert may_log or served.defects == []
    left = {file: what for file, what in descriptors().items() if before.get(file) != what}
    assert not left, f"left open: {left}"


def rest_of(made: socket.socket) -> bytes:
    """Read to the end of a connection."""
    parts = []
    while True:
        try:
            data = made.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        if not data:
            return b"".join(parts)
        parts.append(data)


def answer_of(data: bytes) -> tuple[int, Any]:
    """Return status and document of a whole answer."""
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)
