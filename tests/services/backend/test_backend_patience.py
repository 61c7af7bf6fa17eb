"""Clients that do not say what they want: slowly, endlessly, or not at all."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from library_client import A, LibraryClient, library_client
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from services.backend.app import patience

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = b"Host: localhost\r\n"


@pytest.fixture
def hurried(tmp_path, monkeypatch) -> Iterator[LibraryClient]:
    """A backend that is not patient at all."""
    monkeypatch.setattr(patience, "HEAD_S", 0.2)
    monkeypatch.setattr(patience, "BODY_S", 0.3)
    monkeypatch.setattr(patience, "LOOK_EVERY_S", 0.05)
    with library_client(tmp_path) as client:
        yield client


def opened(client: LibraryClient) -> socket.socket:
    return socket.create_connection((client.base_url.host, client.base_url.port), timeout=5)


def said(client: LibraryClient, *pieces: bytes) -> bytes:
    """Send the pieces and return everything that comes until the server closes; fails when it does not."""
    with opened(client) as connection:
        answer = b""
        try:
            for piece in pieces:
                connection.sendall(piece)
            while part := connection.recv(65536):
                answer += part
        except ConnectionError:
            return answer
        return answer


@pytest.mark.parametrize("begun", [b"", b"GET /api/v1/as", b"GET /api/v1/assets HTTP/1.1\r\nHost: loc"])
def test_a_request_that_does_not_come_is_not_waited_for(hurried, begun):
    answer = said(hurried, begun)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"error"' in answer


def test_neither_is_the_second_of_a_connection(hurried):
    answer = said(hurried, b"GET /api/v1/health/live HTTP/1.1\r\n" + HOST + b"\r\nGET /api/v1/he")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answer


def test_bodies_that_do_not_come_hold_up_nobody_for_long(hurried):
    head = b"POST /api/v1/assets HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{"
    with ExitStack() as stack:
        for _ in range(40):  # more than there are threads
            stack.enter_context(opened(hurried)).sendall(head)
        assert hurried.get(A).status_code == 200


def test_a_body_that_comes_slowly_is_waited_for(hurried, monkeypatch):
    monkeypatch.setattr(patience, "BODY_S", 1.0)  # far longer than a gap between two pieces, on a busy machine too
    body = b'{"file_path": "none.jpg"}'
    head = b"POST /api/v1/assets HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 25\r\n\r\n"
    assert len(body) == 25
    with opened(hurried) as connection:
        connection.sendall(head)
        for at in range(0, len(body), 2):  # together longer than the silence that is allowed
            connection.sendall(body[at : at + 2])
            until = time.monotonic() + 0.1
            while time.monotonic() < until:
                assert hurried.get("/api/v1/health/live").status_code == 200
        assert connection.recv(65536).startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("size", [200_000, 5_000_000])
def test_endless_headers_are_cut_off(hurried, size):
    line = b"X: " + b"a" * 1000 + b"\r\n"
    answer = said(hurried, b"GET / HTTP/1.1\r\n" + HOST, *[line] * (size // len(line)))
    assert not answer or answer.startswith(b"HTTP/1.1 431 ")


def test_what_is_no_request_gets_the_error_body(hurried):
    answer = said(hurried, b"hello\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/json\r\n" in answer
    assert b'{"error": "invalid HTTP request received", "timestamp": ' in answer


def test_a_websocket_is_none_of_its_business(hurried):
    with connect(str(hurried.base_url).replace("http", "ws").rstrip("/") + "/ws", proxy=None) as socket_:
        assert '"connection"' in socket_.recv(5)
        with pytest.raises(TimeoutError):
            socket_.recv(0.5)
        socket_.send('{"type": "ping"}')
        assert '"pong"' in socket_.recv(5)


def test_a_websocket_with_two_hosts_is_refused(hurried):
    url = str(hurried.base_url).replace("http", "ws").rstrip("/") + "/ws"
    with pytest.raises(InvalidStatus) as refused, connect(url, proxy=None, additional_headers={"Host": "evil.example"}):
        pass
    assert refused.value.response.status_code == 403
