"""Clients that do not speak HTTP, stop in the middle, or send far too much: a 4xx or a closed connection, no more."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mamctl.control import server as server_module
from tests.control.serving import Served, answer_of, rest_of, serving
from tests.scripted import eventually

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

HEAD = b"GET /v1/health HTTP/1.1\r\nHost: mamctl\r\n"
GOOD = HEAD + b"\r\n"
POST = b"POST /v1/up HTTP/1.1\r\nHost: mamctl\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n",
        b"hello\r\n\r\n",
        b"GET /v1/health\r\n\r\n",
        b"GET /v1/health HTTP/9\r\n\r\n",
        b"GET  /v1/health HTTP/1.1\r\n\r\n",
        b"GET /v1/health HTTP/1.1\r\n\r\n",
        b"GET /v1/he\xffalth HTTP/1.1\r\nHost: mamctl\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        HEAD + b"Host: mamctl\r\n\r\n",
        HEAD + b"no colon\r\n\r\n",
        HEAD + b"a\x00b: c\r\n\r\n",
        HEAD + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: many\r\n\r\n",
        POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        POST + b"Transfer-Encoding: gzip\r\n\r\n{}",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    ],
    ids=lambda data: data[:40],
)
def test_what_is_not_http_gets_a_400_and_the_door(served: Served, data: bytes) -> None:
    status, document = answer_of(served.say(data))
    assert (status, document["code"]) in [(400, "bad_request"), (400, "bad_host")]
    assert served.operator.calls == []
    assert served.ask("GET", "/v1/health")[0] == 200


@pytest.mark.parametrize("data", [b"", b"GET /v1/hea", HEAD, POST + b"Content-Length: 10\r\n\r\n{}"])
def test_half_a_request_and_a_hangup_is_nobodys_news(served: Served, data: bytes) -> None:
    assert served.say(data).count(b"HTTP/1.1 200") == 0
    assert served.operator.calls == []


@pytest.mark.parametrize("data", [b"", b"GET /v1/hea", HEAD, POST + b"Content-Length: 10\r\n\r\n{}", GOOD])
def test_half_a_request_and_silence_ends_the_connection(tmp_path: pathlib.Path, data: bytes) -> None:
    with serving(tmp_path, idle=0.02) as served, served.connection() as made:
        made.sendall(data)
        answered = rest_of(made)
        assert answered.count(b"HTTP/1.1 200") == (1 if data == GOOD else 0)
        assert served.operator.calls == []


def test_a_byte_now_and_then_does_not_keep_a_connection(tmp_path: pathlib.Path) -> None:
    with serving(tmp_path, idle=0.05) as served, served.connection() as made:
        made.settimeout(0.005)

        def drip() -> bool:
            """Send another byte; tell whether the server has had enough."""
            try:
                made.sendall(b"G")
                return not made.recv(1)
            except TimeoutError:
                return False
            except (BrokenPipeError, ConnectionResetError):
                return True

        eventually(drip)


def test_requests_may_be_pipelined(served: Served) -> None:
    body = b'{"wait": 1}'
    change = POST + b"Content-Length: %d\r\n\r\n" % len(body) + body
    answered = served.say(GOOD + change + GOOD + b"GET /v1/nothing HTTP/1.1\r\nHost: mamctl\r\n\r\n" + GOOD)
    assert [int(part[:3]) for part in answered.split(b"HTTP/1.1 ")[1:]] == [200, 200, 200, 404, 200]
    assert served.operator.calls == [("up", (None, (), False, 1.0))]


def test_a_body_may_come_in_chunks(served: Served) -> None:
    chunks = b'4\r\n{"wa\r\n5;x=y\r\nit":2\r\n1\r\n}\r\n0\r\n\r\n'
    assert answer_of(served.say(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks))[0] == 200
    assert served.operator.calls == [("up", (None, (), False, 2.0))]


def test_a_client_that_asks_first_is_told_to_go_on(served: Served) -> None:
    with served.connection() as made:
        made.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n")
        assert made.recv(1 << 16).startswith(b"HTTP/1.1 100 ")
        made.sendall(b"{}")
        assert answer_of(rest_of(made))[0] == 200


def test_a_client_that_sends_for_ever_hears_why_it_is_refused(served: Served) -> None:
    """It is still sending when the answer is given; closing at once would take the answer from it."""
    status, document = answer_of(served.say(POST + b"Content-Length: 8000000\r\n\r\n" + b" " * 8_000_000))
    assert (status, document["code"]) == (413, "too_large")


def test_a_client_that_never_takes_its_answer_is_let_go(tmp_path: pathlib.Path) -> None:
    with serving(tmp_path, idle=0.05) as served:
        served.record(400, text="x" * 10_000)
        with served.connection() as made:
            made.sendall(b"GET /v1/events?since=0 HTTP/1.1\r\nHost: mamctl\r\n\r\n")
            assert served.ask("GET", "/v1/health")[0] == 200
            made.sendall(GOOD)
            head = made.recv(1 << 16)
            assert head.startswith(b"HTTP/1.1 200")
            eventually(lambda: not served.server.connections)
            whole = int(head.lower().partition(b"content-length: ")[2].split()[0])
            assert len(head + rest_of(made)) < whole


def test_more_clients_than_fit_are_told_so(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "MOST_CONNECTIONS", 3)
    with serving(tmp_path) as served:
        waiting = [served.connection() for _ in range(3)]
        for made in waiting:
            made.sendall(GOOD)
            assert made.recv(1 << 16).startswith(b"HTTP/1.1 200")
        status, document = served.ask("GET", "/v1/health")
        assert (status, document["code"]) == (503, "busy")
        for made in waiting:
            made.close()


@pytest.fixture(scope="module")
def hardened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all that hypothesis comes up with; leaving it shows that nothing went wrong inside."""
    with serving(tmp_path_factory.mktemp("served"), idle=2.0) as found:
        yield found


PIECES = st.sampled_from(
    [
        b"GET ", b"POST ", b"HEAD ", b"OPTIONS * ", b"CONNECT mamctl:80 ", b"/v1/status", b"/v1/up",
        b"/v1/services/web/stop", b"/v1/wait?timeout=1e999", b"/v1/services/%00%ff", b" HTTP/1.1", b" HTTP/1.0",
        b"\r\n", b"\r\n\r\n", b"\n\n", b"Host: mamctl\r\n", b"Content-Type: application/json\r\n",
        b"Content-Length: 2\r\n", b"Content-Length: 99\r\n", b"Transfer-Encoding: chunked\r\n",
        b"Expect: 100-continue\r\n", b"Upgrade: websocket\r\nConnection: upgrade\r\n", b"X-Request-Id: 1\r\n", b"{}",
        b"2\r\n{}\r\n", b"0\r\n\r\n", b'{"wait": 1e400}', b"Accept: text/event-stream\r\n",
    ]
)  # fmt: skip


def no_harm(served: Served, data: bytes) -> None:
    with served.connection() as made:
        try:
            made.sendall(data)
            made.shutdown(socket.SHUT_WR)
        except BrokenPipeError:
            pass
        answered = rest_of(made)
    assert b"5" not in re.findall(rb"(?:^|[\n}])HTTP/1\.1 (\d)", answered)
    assert served.defects == []


FUZZ = settings(
    max_examples=100, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@given(st.binary(max_size=300))
@FUZZ
def test_no_bytes_make_a_5xx_a_hang_or_a_traceback(hardened: Served, data: bytes) -> None:
    no_harm(hardened, data)


@given(st.lists(st.one_of(PIECES, st.binary(max_size=8)), max_size=14).map(b"".join))
@FUZZ
def test_no_pieces_of_http_make_a_5xx_a_hang_or_a_traceback(hardened: Served, data: bytes) -> None:
    no_harm(hardened, data)


JSONS = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(["wait", "services", "profiles", "no_deps", "only_wait", "force"]) | st.text(max_size=6)


@given(
    st.sampled_from(["up", "down", "restart", "services/web/start", "services/db/stop"]),
    st.dictionaries(KEYS, JSONS, max_size=4),
)
@FUZZ
def test_no_body_makes_a_5xx(hardened: Served, path: str, body: dict[str, object]) -> None:
    data = json.dumps(body).encode()
    status, _ = hardened.ask("POST", f"/v1/{path}", data, {"Content-Type": "application/json"})
    assert status in (200, 400)
