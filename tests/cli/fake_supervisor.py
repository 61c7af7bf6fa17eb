"""A supervisor that does as it is told: a real HTTP server on a real Unix socket, its answers scripted by the test."""

from __future__ import annotations

import json
import queue
import socketserver
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Answer = "Callable[[dict[str, Any]], tuple[int, Any]]"
END = object()


def row(name: str, state: str = "ready", **changes: Any) -> dict[str, Any]:
    """Return a status row as the contract has it."""
    alive = state in ("ready", "starting", "unhealthy", "stopping")
    found = {
        "name": name,
        "service": name,
        "kind": "service",
        "ownership": "managed",
        "wanted": "down" if state == "stopped" else "up",
        "state": state,
        "reason": None,
        "detail": None,
        "pid": 4312 if alive else None,
        "generation": 1,
        "restarts": 0,
        "attempt": 0,
        "next_attempt_in_s": None,
        "uptime_s": 125.0 if alive else None,
        "ready_s": 124.0 if state == "ready" else None,
        "exit_code": None,
        "exit_signal": None,
        "ports": {},
        "url": None,
        "cpu_percent": 0.4 if alive else None,
        "memory_bytes": 51_200_000 if alive else None,
        "depends_on": [],
        "waits_for": [],
        "start_timeout_s": 30.0,
        "layer": 0,
        "log": f"logs/{name}.log",
    }
    return {**found, **changes}


def document(*rows: dict[str, Any], name: str = "mam") -> dict[str, Any]:
    """Return a status document with these rows."""
    supervisor = {"pid": 41, "guardian_pid": None, "version": "0.1.0", "uptime_s": 12.5, "generation": 1}
    return {
        "name": name,
        "manifest": "services.yaml",
        "supervisor": supervisor,
        "services": list(rows),
        "wanted_settled": True,
    }


def report(*rows: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the report of an outcome in which all went well, unless changed."""
    good = {"settled": True, "ok": True, "failed": [], "absent": [], "pending": [], "removed": []}
    return {**good, "status": document(*rows), **changes}


class FakeSupervisor:
    """`document` is the status; `answers` maps "POST /v1/up" to a function of the body; `emit` sends an event."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = document()
        self.answers: dict[str, Callable[[dict[str, Any]], tuple[int, Any]]] = {}
        self.requests: list[tuple[str, str, Any]] = []
        self.heard = threading.Condition()
        self.seq = 0
        self._readers: list[queue.Queue[Any]] = []

    def emit(self, kind: str, service: str | None = None, **data: Any) -> None:
        """Send an event to every stream."""
        self.seq += 1
        event = {"seq": self.seq, "at": "2026-01-31T12:00:00.123Z", "service": service, "generation": 1}
        for reader in self._readers:
            reader.put({**event, "type": kind, "data": data})

    def leave(self, code: int = 0, reason: str = "down") -> None:
        """Say the last word and end every stream."""
        self.emit("info", None, ending={"code": code, "reason": reason})
        self.vanish()

    def vanish(self) -> None:
        """End every stream without a word."""
        for reader in self._readers:
            reader.put(END)

    def wait_for(self, method: str, path: str, times: int = 1, timeout: float = 10.0) -> Any:
        """Wait until a request came the nth time and return its body."""

        def found() -> list[Any]:
            return [body for verb, where, body in self.requests if (verb, where) == (method, path)]

        with self.heard:
            assert self.heard.wait_for(lambda: len(found()) >= times, timeout), (method, path, self.requests)
        return found()[times - 1]

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Return what the script says."""
        with self.heard:
            self.requests.append((method, path, body))
            self.heard.notify_all()
        known = self.answers.get(f"{method} {path}")
        if known:
            return known(body)
        if (method, path) == ("GET", "/v1/status"):
            return 200, self.document
        if (method, path) == ("GET", "/v1/health"):
            return 200, {"status": "healthy"}
        return 404, {"error": f"no such path: {path}", "code": "unknown_path", "hint": None}

    def open_stream(self) -> queue.Queue[Any]:
        reader: queue.Queue[Any] = queue.Queue()
        self._readers.append(reader)
        with self.heard:
            self.requests.append(("STREAM", "/v1/events", None))
            self.heard.notify_all()
        return reader


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    supervisor: FakeSupervisor


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def log_message(self, *args: Any) -> None:
        pass

    def _serve(self, method: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        path = urlsplit(self.path).path
        if path == "/v1/events" and "event-stream" in self.headers.get("Accept", ""):
            self._stream()
            return
        key = self.path if path == "/v1/wait" else path
        status, answer = self.server.supervisor.answer(method, path if key == path else "/v1/wait", body)
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.close_connection = True
        with suppress(OSError):  # who asked may have gone in the meantime
            self.end_headers()
            self.wfile.write(text)

    def _stream(self) -> None:
        reader = self.server.supervisor.open_stream()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        while (event := reader.get()) is not END:
            text = f"id: {event['seq']}\nevent: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
            try:
                self.wfile.write(f"{len(text):x}\r\n".encode() + text + b"\r\n")
            except OSError:
                return
        with suppress(OSError):  # who listened may have gone in the meantime
            self.wfile.write(b"0\r\n\r\n")


@contextmanager
def serving(socket_path: str) -> Iterator[FakeSupervisor]:
    """Run a fake supervisor behind a socket."""
    supervisor = FakeSupervisor()
    with _Server(socket_path, _Handler) as server:
        server.supervisor = supervisor
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield supervisor
        finally:
            supervisor.vanish()
            server.shutdown()
            thread.join()
