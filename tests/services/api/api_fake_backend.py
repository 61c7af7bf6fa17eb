"""A small real HTTP server that answers as the media asset backend is documented, or misbehaves on request."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ASSET = {
    "id": 1,
    "title": "Sunset over the bay",
    "file_path": "trips/sunset.mp4",
    "mime_type": "video/mp4",
    "file_size": 1482211,
    "created_at": "2026-01-31T12:00:00.000Z",
    "updated_at": "2026-01-31T12:00:02.500Z",
    "media_metadata": {
        "width": 1280,
        "height": 720,
        "duration": 2.0,
        "thumbnail_url": "/thumbnails/1a2b3c.jpg",
        "codec": "h264",
        "fps": None,
    },
    "status": "ready",
}
HEALTH = {"status": "healthy", "services": {"database": True, "websocket": True, "media_processor": True}}


class Handler(BaseHTTPRequestHandler):
    """One connection; what it answers is the server's `behaviour`."""

    protocol_version = "HTTP/1.1"
    server: "FakeBackend"

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        self.server.behaviour(self)

    def answer(self, status: int, value: Any) -> None:
        self.answer_bytes(status, json.dumps(value).encode())

    def answer_bytes(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        fields = {"Content-Type": "application/json", "Content-Length": str(len(body))} | (headers or {})
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        pass


def documented(request: Handler) -> None:
    """Answer as seed 001 says: one asset, numbered 1."""
    parts = urlsplit(request.path)
    if parts.path == "/api/v1/health/ready":
        request.answer(200, HEALTH)
    elif parts.path == "/api/v1/assets":
        wanted = int(parse_qs(parts.query)["page"][0])
        meta = {"page": wanted, "total": 1, "pages": 1, "per_page": 50, "has_next": False}
        request.answer(200, {"items": [ASSET] if wanted == 1 else [], "meta": meta})
    elif parts.path == "/api/v1/assets/1":
        request.answer(200, ASSET)
    else:
        request.answer(404, {"error": "Asset not found", "timestamp": "2026-01-31T12:00:00.000Z"})


class FakeBackend(ThreadingHTTPServer):
    """The server; set `behaviour` to change how it answers, read `requests` to see what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviour: Callable[[Handler], None] = documented
        self.requests: list[str] = []
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_args: Any) -> None:
        """Stay silent: a client that gives up on a misbehaving answer is what the tests are about."""


@contextmanager
def fake_backend() -> Iterator[FakeBackend]:
    server = FakeBackend()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        thread.join(5)
        server.server_close()
