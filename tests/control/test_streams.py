"""Events and logs without end: resumed by number, bounded for those who do not read, ended with the supervisor."""

from __future__ import annotations

import contextlib
import json
import resource
import threading
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.runtime import history as history_module
from tests.control.serving import Served, rest_of, serving
from tests.scripted import eventually

if TYPE_CHECKING:
    import pathlib
    import socket
    from collections.abc import Iterator

SSE = b"Accept: text/event-stream\r\n"


class Listening:
    """A client of a stream; `events` are those that came."""

    def __init__(self, made: socket.socket) -> None:
        self._made = made
        self._data = b""

    @property
    def text(self) -> bytes:
        return self._data

    def until(self, wanted: bytes) -> bytes:
        """Read until these bytes came."""
        while wanted not in self._data:
            data = self._made.recv(1 << 16)
            assert data, self._data[-300:]
            self._data += data
        return self._data

    def numbers(self) -> list[int]:
        return [int(line[3:]) for line in self._data.split(b"\n") if line.startswith(b"id:")]


@contextlib.contextmanager
def listening(served: Served, path: str = "/v1/events", headers: bytes = b"") -> Iterator[Listening]:
    with served.connection() as made:
        made.sendall(f"GET {path} HTTP/1.1\r\nHost: mamctl\r\n".encode() + SSE + headers + b"\r\n")
        found = Listening(made)
        found.until(b"\r\n\r\n")
        yield found


def test_a_stream_says_each_event_with_its_number_its_type_and_all_of_it(served: Served) -> None:
    with listening(served) as stream:
        assert b"text/event-stream" in stream.text
        served.record(detail="two\nlines")
        stream.until(b"two\\nlines")
        event = stream.until(b"}\n\n").partition(b"\r\n\r\n")[2].decode().split("\n")
        assert event[:2] == ["id: 1", "event: info"]
        assert json.loads(event[2].removeprefix("data: "))["data"] == {"detail": "two\nlines"}


def test_a_stream_begins_with_what_is_new(served: Served) -> None:
    served.record(5)
    with listening(served) as stream:
        served.record()
        stream.until(b"id: 6\n")
        assert stream.numbers() == [6]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v1/events?since=2", b""),
        ("/v1/events", b"Last-Event-ID: 2\r\n"),
        # A browser that comes back has the old address and the new number.
        ("/v1/events?since=0", b"Last-Event-ID: 2\r\n"),
    ],
)
def test_a_stream_goes_on_after_the_number_given(served: Served, path: str, headers: bytes) -> None:
    served.record(5)
    with listening(served, path, headers) as stream:
        stream.until(b"id: 5\n")
        assert stream.numbers() == [3, 4, 5]


def test_a_number_of_another_history_begins_with_what_is_new(served: Served) -> None:
    served.record(2)
    with listening(served, headers=b"Last-Event-ID: 999999\r\n") as stream:
        served.record()
        stream.until(b"id: 3\n")
        assert stream.numbers() == [3]


def test_no_event_is_missing_or_doubled_over_the_edge_of_what_is_remembered(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest are read from the rotated file, then the file, then memory, while new ones come."""
    monkeypatch.setattr(history_module, "LARGEST", 300_000)
    for _ in range(20):
        served.record(150, text="x" * 20)
        served.soon(served.history.flush)
    last = served.history.last
    with listening(served, f"/v1/events?since={last - 2600}") as stream:
        served.record(100)
        stream.until(b"id: %d\n" % (last + 100))
        assert stream.numbers() == list(range(last - 2599, last + 101))


def test_a_stream_that_is_resumed_again_and_again_has_every_event_once(served: Served) -> None:
    seen: list[int] = []
    for _ in range(10):
        last = seen[-1] if seen else 0
        with listening(served, headers=b"Last-Event-ID: %d\r\n" % last) as stream:
            served.record(7)
            stream.until(b"id: %d\n" % (last + 3))
            seen += stream.numbers()
    assert seen == list(range(1, seen[-1] + 1))


def test_a_silent_stream_is_kept_alive(tmp_path: pathlib.Path) -> None:
    with serving(tmp_path, keepalive=0.01) as served, listening(served) as stream:
        stream.until(b": still here\n\n: still here\n\n")
        served.record()
        stream.until(b"id: 1\n")


def test_a_reader_that_never_reads_costs_neither_time_nor_memory(served: Served) -> None:
    """40 MB of events rush past it; the others are answered, and what is kept for it is a batch."""
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(listening(served))
        served.record(200, text="x" * 1000)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(20):
            served.record(200, text="x" * 10_000)
            assert served.ask("GET", "/v1/health")[0] == 200
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        # The history itself remembers 2000 events, which are 20 MB here.
        assert grown < 60_000


def test_a_reader_that_was_asleep_has_lost_nothing(served: Served) -> None:
    with listening(served) as stream:
        for _ in range(11):
            served.record(200, text="x" * 1000)
            served.soon(served.history.flush)
        stream.until(b"id: 2200\n")
        assert stream.numbers() == list(range(1, 2201))


def test_the_end_comes_after_the_last_word_and_at_once(tmp_path: pathlib.Path) -> None:
    with serving(tmp_path) as served, listening(served) as events, listening(served, "/v1/logs?follow=1") as logs:
        said: list[bytes] = []
        readers = [threading.Thread(target=lambda one=one: said.append(rest_of(one._made))) for one in (events, logs)]
        for reader in readers:
            reader.start()
        served.record(ending={"code": 0})
        served.leave()
        for reader in readers:
            reader.join(5)
        assert any(b'{"ending": {"code": 0}}' in text for text in said)


def test_a_stream_whose_reader_left_is_given_up(tmp_path: pathlib.Path) -> None:
    with serving(tmp_path, keepalive=0.01) as served:
        with listening(served), listening(served, "/v1/logs?follow=1"):
            eventually(lambda: served.views.open == 1)
        eventually(lambda: served.views.open == 0)
        eventually(lambda: not served.server.connections)
        assert not served.history._listeners


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("", (("web", "db"), 100, None, False)),
        ("?service=db&tail=5&since=2.5", (("db",), 5, 2.5, False)),
        ("?service=db&since=2h", (("db",), 100, 7200.0, False)),
        ("?service=web,db&tail=0", (("web", "db"), 0, None, False)),
    ],
)
def test_logs_are_json_lines(served: Served, query: str, asked: Any) -> None:
    served.views.lines = [{"service": "web", "line": "é\x1b[0m"}, {"service": "db", "line": ""}]
    answered = served.say(f"GET /v1/logs{query} HTTP/1.1\r\nHost: mamctl\r\n\r\n".encode())
    head, _, body = answered.partition(b"\r\n\r\n")
    assert b"application/x-ndjson" in head
    assert [json.loads(line) for line in body.splitlines()] == served.views.lines
    assert served.views.asked == [asked]


def test_followed_logs_go_on(served: Served) -> None:
    with listening(served, "/v1/logs?follow=true") as stream:
        served.soon(lambda: served.views.lines.append({"line": "one"}))
        stream.until(b'{"line": "one"}\n')
        served.soon(lambda: served.views.lines.append({"line": "two"}))
        stream.until(b'{"line": "two"}\n')
