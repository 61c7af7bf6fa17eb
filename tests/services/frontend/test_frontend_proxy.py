"""The way through the server to the backend and back."""

from __future__ import annotations

import json
import socketserver
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from backend_double import FILM, BackendDouble, running_backend
from running_frontend import Frontend, running_frontend
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.system


def free_port() -> int:
    """Return a port on which nothing listens at this moment."""
    with running_backend() as server:
        return server.server_address[1]


def test_a_request_reaches_the_backend_with_its_own_host(frontend: Frontend, backend: BackendDouble):
    answer = frontend.client.get("/api/v1/assets?page=2&q=a%20b", headers={"X-Mine": "1"})
    said = answer.json()
    assert (answer.status_code, answer.headers["x-backend"]) == (201, "yes")
    assert (said["path"], said["headers"]["x-mine"]) == ("/api/v1/assets?page=2&q=a%20b", "1")
    assert said["headers"]["host"] == backend.url.removeprefix("http://")
    assert said["headers"]["x-forwarded-host"] == f"127.0.0.1:{frontend.port}"


def test_thumbnails_go_to_the_backend_too(frontend: Frontend):
    assert frontend.client.get("/thumbnails/ab12.jpg").json()["path"] == "/thumbnails/ab12.jpg"


def test_a_body_is_passed_on_whether_its_length_is_known_or_not(frontend: Frontend):
    known = frontend.client.post("/api/v1/assets", content=b"x" * 3_000_000)
    unknown = frontend.client.post("/api/v1/assets", content=iter([b"x" * 70_000] * 10))
    assert (known.json()["method"], known.json()["received"]) == ("POST", 3_000_000)
    assert unknown.json()["received"] == 700_000


def test_a_whole_film_arrives_byte_for_byte(frontend: Frontend):
    answer = frontend.client.get("/api/v1/assets/1/stream")
    assert (answer.status_code, answer.headers["accept-ranges"]) == (200, "bytes")
    assert answer.content == FILM


def test_a_range_of_a_film_is_a_206_with_these_bytes(frontend: Frontend):
    answer = frontend.client.get("/api/v1/assets/1/stream", headers={"Range": "bytes=1000-1999"})
    assert (answer.status_code, answer.headers["content-range"]) == (206, f"bytes 1000-1999/{len(FILM)}")
    assert answer.content == FILM[1000:2000]


def test_a_head_request_is_answered_without_a_body(frontend: Frontend):
    answer = frontend.client.head("/api/v1/assets/1/stream")
    assert (int(answer.headers["content-length"]), answer.content) == (len(FILM), b"")


def test_a_body_that_breaks_off_does_not_look_whole(frontend: Frontend):
    with pytest.raises(httpx.RemoteProtocolError):
        frontend.client.get("/api/v1/broken")


def test_our_own_pages_may_change_something_and_the_backend_sees_an_origin_it_knows(frontend: Frontend):
    answer = frontend.client.post("/api/v1/assets", headers={"Origin": frontend.url}, json={})
    assert answer.json()["headers"]["origin"] == "http://127.0.0.1:3001"


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_another_site_may_change_nothing(frontend: Frontend, headers: dict[str, str]):
    for method in ("POST", "DELETE", "PATCH"):
        assert frontend.client.request(method, "/api/v1/assets/1", headers=headers).status_code == 403


def test_a_backend_that_is_down_is_a_502_with_the_error_body_until_it_comes(pages: None):
    port = free_port()
    with running_frontend(BACKEND_URL=f"http://127.0.0.1:{port}") as frontend:
        answer = frontend.client.get("/api/v1/assets")
        assert answer.status_code == 502
        assert set(answer.json()) == {"error", "timestamp"}
        with running_backend(port):
            assert frontend.client.get("/api/v1/assets").status_code == 201
        assert frontend.client.get("/api/v1/assets").status_code == 502


def test_a_websocket_carries_messages_both_ways(frontend: Frontend, backend: BackendDouble):
    with connect(f"ws://127.0.0.1:{frontend.port}/ws", origin=frontend.url, proxy=None) as socket:
        assert json.loads(socket.recv(timeout=5)) == {"type": "connection"}
        socket.send('{"type": "ping"}')
        assert socket.recv(timeout=5) == '{"type": "ping"}'
    seen = backend.sockets_seen[-1]
    assert (seen["origin"], seen["host"]) == ("http://127.0.0.1:3001", backend.url.removeprefix("http://"))


def test_a_websocket_without_an_origin_is_a_program_of_this_machine(frontend: Frontend, backend: BackendDouble):
    with connect(f"ws://127.0.0.1:{frontend.port}/ws", proxy=None) as socket:
        assert json.loads(socket.recv(timeout=5)) == {"type": "connection"}
    assert "origin" not in backend.sockets_seen[-1]


@pytest.mark.parametrize(
    ("path", "origin", "status"),
    [("/ws", "http://evil.example", 403), ("/ws", "null", 403), ("/other", None, 404)],
)
def test_a_websocket_from_elsewhere_or_to_elsewhere_is_refused(
    frontend: Frontend, path: str, origin: str | None, status: int
):
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://127.0.0.1:{frontend.port}{path}", origin=origin, proxy=None)
    assert refused.value.response.status_code == status


def test_a_websocket_is_a_502_while_the_backend_is_down_and_its_own_refusal_when_it_refuses(pages: None):
    port = free_port()
    with running_frontend(BACKEND_URL=f"http://127.0.0.1:{port}") as frontend:
        address = f"ws://127.0.0.1:{frontend.port}/ws"
        with pytest.raises(InvalidStatus) as refused:
            connect(address, proxy=None)
        assert refused.value.response.status_code == 502
        with running_backend(port) as backend:
            backend.refuses_sockets = True
            with pytest.raises(InvalidStatus) as refused:
                connect(address, proxy=None)
        assert refused.value.response.status_code == 403


def test_a_plain_request_to_the_websocket_path_is_told_to_upgrade(frontend: Frontend):
    assert frontend.client.get("/ws").status_code == 426


@contextmanager
def answering(reply: bytes) -> Iterator[str]:
    """Serve one fixed answer to whoever connects, and hang up."""

    class Answer(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            self.wfile.write(reply)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: odd\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: \x01\r\n\r\nhello",
    ],
)
def test_an_answer_that_makes_no_sense_is_a_502_and_the_server_lives_on(pages: None, reply: bytes):
    with answering(reply) as url, running_frontend(BACKEND_URL=url) as frontend:
        assert frontend.client.get("/api/v1/assets").status_code == 502
        if b" 101 " not in reply:
            with pytest.raises(InvalidStatus) as refused:
                connect(f"ws://127.0.0.1:{frontend.port}/ws", proxy=None)
            assert refused.value.response.status_code == 502
        assert frontend.client.get("/api/health").status_code == 200
