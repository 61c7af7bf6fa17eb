"""The command line's client before servers that answer in pieces, late, twice, wrongly, or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.control import client as client_module
from mamctl.control.client import ApiError, Client, Stream
from mamctl.core.errors import NoSupervisor, TimedOut

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Iterator

    from tests.control.serving import Served

    Script = Callable[[socket.socket], object]

OK = b"HTTP/1.1 200 OK\r\n"
GONE = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"


class Scripts:
    """A server that treats its n-th client as the n-th script says; `requests` are what they asked."""

    def __init__(self, path: str, scripts: list[Script]) -> None:
        self.requests: list[bytes] = []
        self._scripts = scripts
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        for script in self._scripts:
            made, _ = self._listener.accept()
            made.settimeout(10)
            with made, contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.requests.append(made.recv(1 << 16))
                script(made)

    def close(self) -> None:
        self._thread.join(10)
        self._listener.close()
        assert not self._thread.is_alive()


@contextlib.contextmanager
def scripted(tmp_path: pathlib.Path, *scripts: Script) -> Iterator[tuple[Client, Scripts]]:
    path = str(tmp_path / "control.sock")
    with contextlib.closing(Scripts(path, list(scripts))) as server:
        yield Client(path, timeout=10.0), server


def sends(*pieces: bytes) -> Script:
    """Send these pieces, each of them alone."""

    def script(made: socket.socket) -> None:
        for piece in pieces:
            made.sendall(piece)

    return script


def hangs_up(_made: socket.socket) -> None:
    pass


def waits(made: socket.socket) -> None:
    made.recv(1)


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


DOCUMENT = {"name": "ünï", "long": "x" * 3000}
BODY = json.dumps(DOCUMENT).encode()
LENGTH = b"Content-Length: %d\r\n\r\n" % len(BODY)


@pytest.mark.parametrize(
    "answer",
    [
        OK + LENGTH + BODY,
        OK + b"content-length:%d\r\n\r\n" % len(BODY) + BODY + b"and more",
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(BODY, 7),
        OK + b"Transfer-Encoding: CHUNKED\r\n\r\n" + chunked(BODY, 100_000),
        b"HTTP/1.0 200 \r\n\r\n" + BODY,
    ],
    ids=["length", "length and more", "chunks", "one chunk", "to the end"],
)
@pytest.mark.parametrize("size", [1, 50, 100_000])
def test_an_answer_is_whole_however_it_comes(tmp_path: pathlib.Path, answer: bytes, size: int) -> None:
    pieces = [answer[at : at + size] for at in range(0, len(answer), size)]
    with scripted(tmp_path, sends(*pieces)) as (client, _):
        assert client.request("GET", "/v1/status") == DOCUMENT


def test_an_answer_may_be_empty(tmp_path: pathlib.Path) -> None:
    with scripted(tmp_path, sends(OK + b"Content-Length: 0\r\n\r\n")) as (client, _):
        assert client.request("POST", "/v1/down") is None


def test_a_request_says_what_it_is(tmp_path: pathlib.Path) -> None:
    with scripted(tmp_path, sends(OK + LENGTH + BODY), sends(OK + LENGTH + BODY)) as (client, server):
        client.request("GET", "/v1/status")
        client.request("POST", "/v1/up", {"wait": 1})
    assert b"X-Request-Id" not in server.requests[0]
    head, _, body = server.requests[1].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/up HTTP/1.1\r\nHost: mamctl\r\nContent-Type: application/json\r\nX-Request-Id: ")
    assert body == b'{"wait": 1}'


@pytest.mark.parametrize("lost", [hangs_up, sends(b"HTTP/1.1 2"), sends(GONE)])
def test_a_request_whose_connection_was_lost_is_asked_again_with_the_same_id(
    tmp_path: pathlib.Path, lost: Script
) -> None:
    with scripted(tmp_path, lost, lost, sends(OK + LENGTH + BODY)) as (client, server):
        assert client.request("POST", "/v1/up", {}) == DOCUMENT
    assert len(server.requests) == 3
    assert len(set(server.requests)) == 1


def test_a_supervisor_that_is_being_replaced_is_waited_for(tmp_path: pathlib.Path) -> None:
    """The first one dies with the request; nobody listens for a moment; then another one does."""
    path = tmp_path / "control.sock"

    def dies(_made: socket.socket) -> None:
        path.unlink()

    with scripted(tmp_path, dies) as (client, first):
        answers: list[Any] = []
        asker = threading.Thread(target=lambda: answers.append(client.request("POST", "/v1/up", {})))
        asker.start()
        first._thread.join(10)
        with scripted(tmp_path, sends(OK + LENGTH + BODY)):
            asker.join(10)
    assert answers == [DOCUMENT]


def test_one_that_is_lost_again_and_again_is_given_up(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "RETRY_SECONDS", 0.03)
    monkeypatch.setattr(client_module, "RETRY_PAUSE", 0.02)
    with scripted(tmp_path, *[hangs_up] * 3) as (client, server), pytest.raises(NoSupervisor) as caught:
        client.request("GET", "/v1/status")
    assert "no supervisor answers at" in caught.value.message
    assert 2 <= len(server.requests) <= 3
    # Whoever is still waited for: let the script end.
    for _ in range(3 - len(server.requests)):
        Client(client.reach.path)._connect(1).close()


@pytest.mark.parametrize("how", ["nothing there", "nobody listens", "not a socket"])
def test_without_a_supervisor_it_says_so_at_once(tmp_path: pathlib.Path, how: str) -> None:
    path = tmp_path / "control.sock"
    if how == "nobody listens":
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(path))
    elif how == "not a socket":
        path.touch()
    began = time.monotonic()
    for attempt in (
        lambda: Client(str(path)).request("POST", "/v1/up"),
        lambda: Client(str(path)).stream("/v1/events"),
    ):
        with pytest.raises(NoSupervisor) as caught:
            attempt()
        assert caught.value.exit_code == 4
        assert caught.value.hint == "`mamctl up -d` starts one"
    assert time.monotonic() - began < client_module.RETRY_SECONDS


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n", OK + LENGTH + BODY[:100]])
def test_silence_ends_at_the_deadline(tmp_path: pathlib.Path, answer: bytes) -> None:
    def script(made: socket.socket) -> None:
        made.sendall(answer)
        waits(made)

    with scripted(tmp_path, script) as (client, _), pytest.raises(TimedOut) as caught:
        client.request("GET", "/v1/status", timeout=0.02)
    assert caught.value.exit_code == 5


def test_a_byte_now_and_then_does_not_move_the_deadline(tmp_path: pathlib.Path) -> None:
    ended = threading.Event()

    def drips(made: socket.socket) -> None:
        made.sendall(OK + b"Content-Length: 1000000\r\n\r\n")
        while not ended.wait(0.002):
            made.sendall(b"x")

    with scripted(tmp_path, drips) as (client, _):
        try:
            with pytest.raises(TimedOut):
                client.request("GET", "/v1/status", timeout=0.05)
        finally:
            ended.set()


def test_a_full_queue_of_clients_is_silence_not_absence(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "control.sock")
    with socket.socket(socket.AF_UNIX) as listener, contextlib.ExitStack() as others:
        listener.bind(path)
        listener.listen(0)
        other = others.enter_context(socket.socket(socket.AF_UNIX))
        other.connect(path)
        with pytest.raises(TimedOut):
            Client(path).request("GET", "/v1/status", timeout=0.02)


@pytest.mark.parametrize(
    ("answer", "fields"),
    [
        (b'{"error": "no such service", "code": "unknown_service", "hint": "services: web"}',
         ("no such service", "unknown_service", "services: web")),
        (b"{}", ("HTTP 404", "", None)),
        (b"[1]", ("HTTP 404", "", None)),
        (b"", ("HTTP 404", "", None)),
    ],
)  # fmt: skip
def test_a_refusal_has_the_fields_of_the_error_body(
    tmp_path: pathlib.Path, answer: bytes, fields: tuple[object, ...]
) -> None:
    head = b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n" % len(answer)
    with scripted(tmp_path, sends(head + answer)) as (client, _), pytest.raises(ApiError) as caught:
        client.request("GET", "/v1/services/no")
    error = caught.value
    assert (error.message, error.code, error.hint) == fields
    assert (error.status, error.exit_code) == (404, 2)


@pytest.mark.parametrize(("status", "exit_code"), [(400, 2), (404, 2), (405, 1), (409, 1), (413, 1), (503, 1)])
def test_a_refusal_has_an_exit_code(status: int, exit_code: int) -> None:
    assert ApiError(status, {}).exit_code == exit_code


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"\x00\x01\r\n\r\n",
        b"\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        OK + b"Content-Length: x\r\n\r\n",
        OK + b"Content-Length: 3\r\n\r\nabc",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_does_not_speak_as_a_supervisor_is_said_to_be_none(tmp_path: pathlib.Path, answer: bytes) -> None:
    with scripted(tmp_path, sends(answer)) as (client, _), pytest.raises(NoSupervisor, match="is no supervisor"):
        client.request("GET", "/v1/status")


# Streams --------------------------------------------------------------------------------------------------------


def event(number: int) -> bytes:
    data = json.dumps({"seq": number, "data": {"text": "é" * 5}}, ensure_ascii=False).encode()
    return b"id: %d\nevent: info\ndata: %s\n\n" % (number, data)


EVENTS = b": hello\n\n" + b"".join(map(event, range(1, 6)))
SSE_HEAD = OK + b"Content-Type: text/event-stream\r\n"


def numbers_of(stream: Stream) -> list[int]:
    """Read a stream to its end as the command line does: by select."""
    found: list[int] = []
    with contextlib.closing(stream), contextlib.suppress(EOFError):
        while True:
            assert select.select([stream], [], [], 10)[0]
            found += [record["seq"] for record in stream.read()]
    return found


@pytest.mark.parametrize(
    "answer",
    [
        SSE_HEAD + b"\r\n" + EVENTS,
        SSE_HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(EVENTS, 11),
        SSE_HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(EVENTS, 1000),
    ],
    ids=["plain", "small chunks", "one chunk"],
)
@pytest.mark.parametrize("size", [1, 13, 100_000])
def test_a_streams_events_are_whole_however_they_are_cut(tmp_path: pathlib.Path, answer: bytes, size: int) -> None:
    pieces = [answer[at : at + size] for at in range(0, len(answer), size)]
    with scripted(tmp_path, sends(*pieces)) as (client, _):
        assert numbers_of(client.stream("/v1/events", {"Accept": "text/event-stream"})) == [1, 2, 3, 4, 5]


def test_events_that_came_with_the_head_are_told_by_select(tmp_path: pathlib.Path) -> None:
    def script(made: socket.socket) -> None:
        made.sendall(SSE_HEAD + b"\r\n" + EVENTS)
        waits(made)

    with scripted(tmp_path, script) as (client, _), contextlib.closing(client.stream("/v1/events")) as stream:
        assert select.select([stream], [], [], 10)[0]
        assert [record["seq"] for record in stream.read()] == [1, 2, 3, 4, 5]
        assert not select.select([stream], [], [], 0)[0]
        assert stream.read() == []


def test_the_end_of_a_stream_is_told_after_its_last_record(tmp_path: pathlib.Path) -> None:
    torn = b'{"line": "torn'
    with scripted(tmp_path, sends(OK + b"\r\n" + b'{"line": "one"}\n\n' + torn)) as (client, server):
        stream = client.stream("/v1/logs")
        server._thread.join(10)
        assert stream.read() == [{"line": "one"}]
        with pytest.raises(EOFError):
            stream.read()
        stream.close()


def test_a_stream_that_is_refused_is_an_api_error(tmp_path: pathlib.Path) -> None:
    body = b'{"error": "no such service", "code": "unknown_service", "hint": null}'
    pieces = (b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n" % len(body), body[:20], body[20:])
    with scripted(tmp_path, sends(*pieces)) as (client, _), pytest.raises(ApiError) as caught:
        client.stream("/v1/logs?service=none")
    assert (caught.value.status, caught.value.code) == (404, "unknown_service")


def test_a_stream_that_does_not_begin_is_silence_or_absence(tmp_path: pathlib.Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with scripted(tmp_path, hangs_up) as (client, _), pytest.raises(NoSupervisor):
        client.stream("/v1/events")
    os.unlink(client.reach.path)
    with scripted(tmp_path, waits) as (client, _), pytest.raises(TimedOut):
        Client(client.reach.path, timeout=0.02).stream("/v1/events")
    assert len(os.listdir("/proc/self/fd")) == before


def test_it_understands_the_real_server(served: Served) -> None:
    assert served.client.request("GET", "/v1/status")["name"] == "test"
    with pytest.raises(ApiError) as caught:
        served.client.request("POST", "/v1/up", {"services": "web"})
    assert caught.value.code == "bad_request"
    with pytest.raises(ApiError) as caught:
        served.client.request("POST", "/v1/up", {"services": ["x" * 2_000_000]})
    assert caught.value.code == "too_large"
    with pytest.raises(ApiError):
        served.client.stream("/v1/logs?service=none")
    stream = served.client.stream("/v1/events?since=0", {"Accept": "text/event-stream"})
    served.record(3)
    seen: list[int] = []
    while len(seen) < 3:
        assert select.select([stream], [], [], 10)[0]
        seen += [record["seq"] for record in stream.read()]
    stream.close()
    assert seen == [1, 2, 3]


def test_its_imports_are_light() -> None:
    heavy = ["asyncio", "httpx", "psutil", "dataclasses", "h11", "click", "rich", "yaml", "http", "urllib", "email"]
    code = f"import sys, mamctl.control.client; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
