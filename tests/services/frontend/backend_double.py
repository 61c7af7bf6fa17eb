"""A small real HTTP server that stands where the backend stands.

It answers with what it was asked, so that a test can see what the proxy passed on, and it speaks just
enough WebSocket to echo one frame.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FILM = bytes(range(256)) * 4096
WS_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Handler(BaseHTTPRequestHandler):
    """One connection; the paths are those of the media API, with a few for faults."""

    protocol_version = "HTTP/1.1"
    timeout = 10

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class' name
        """Stay silent: the tests' output is for failures."""

    def do_GET(self) -> None:
        """Answer by path."""
        path = self.path.split("?")[0]
        if path == "/ws":
            self._websocket()
        elif path.endswith("/stream"):
            self._stream()
        elif path == "/api/v1/broken":
            self._broken()
        else:
            self._echo()

    do_HEAD = do_POST = do_DELETE = do_GET  # noqa: N815 - the base class looks for these names

    def _reply(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _echo(self) -> None:
        body = self._body()
        said = {
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "received": len(body),
        }
        status = {"/api/v1/health/status": 503 if self.server.is_sick else 200}.get(self.path, 201)
        said["status"] = "unhealthy" if self.server.is_sick else "healthy"
        self._reply(status, json.dumps(said).encode(), Content_Type="application/json", X_Backend="yes")

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            return self._chunks()
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _stream(self) -> None:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if wanted is None:
            self._reply(200, FILM, Content_Type="video/mp4", Accept_Ranges="bytes")
            return
        first, last = int(wanted[1]), int(wanted[2])
        span = f"bytes {first}-{last}/{len(FILM)}"
        self._reply(206, FILM[first : last + 1], Content_Type="video/mp4", Content_Range=span)

    def _broken(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"half")
        self.close_connection = True

    def _websocket(self) -> None:
        self.server.sockets_seen.append({name.lower(): value for name, value in self.headers.items()})
        if self.server.refuses_sockets:
            self._reply(403, b"{}")
            return
        key = self.headers["Sec-WebSocket-Key"].encode()
        accept = base64.b64encode(hashlib.sha1(key + WS_GUID).digest()).decode()
        self.send_response(101)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade")):
            self.send_header(name, value)
        self.send_header("Sec-WebSocket-Accept", accept)
        self.end_headers()
        self._send_frame(b'{"type": "connection"}')
        while (text := self._read_frame()) is not None:
            self._send_frame(text)
        self.close_connection = True

    def _send_frame(self, text: bytes) -> None:
        self.wfile.write(bytes([0x81, len(text)]) + text)

    def _read_frame(self) -> bytes | None:
        head = self.rfile.read(2)
        if len(head) < 2 or head[0] & 0x0F == 8:
            return None
        mask = self.rfile.read(4)
        body = self.rfile.read(head[1] & 0x7F)
        return bytes(byte ^ mask[i % 4] for i, byte in enumerate(body))


class BackendDouble(ThreadingHTTPServer):
    """The server with its switches: `is_sick` (health 503) and `refuses_sockets` (/ws 403)."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.is_sick = False
        self.refuses_sockets = False
        self.sockets_seen: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def running_backend(port: int = 0) -> Iterator[BackendDouble]:
    """Serve for the length of a `with` block."""
    with BackendDouble(port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
