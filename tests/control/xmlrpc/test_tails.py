"""Logs as they grow: whole lines, over rotation, until the reader goes."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import pytest

from tests.control.realstack import PATIENCE, RealStack, real_stack
from tests.control.serving import Unix
from tests.control.xmlrpc.calling import Caller, calling
from tests.scripted import eventually

if TYPE_CHECKING:
    import http.client
    from collections.abc import Iterator

SERVICES = {"echo": {"command": ["cat"], "tty": True}, "quiet": {"command": ["sleep", "1000"]}}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealStack]:
    with real_stack(tmp_path_factory.mktemp("tails"), "tails", SERVICES) as found:
        yield found


@pytest.fixture
def call(stack: RealStack) -> Iterator[Caller]:
    with calling(stack.socket) as found:
        yield found


@contextlib.contextmanager
def following(stack: RealStack, path: str) -> Iterator[http.client.HTTPResponse]:
    with contextlib.closing(Unix(stack.socket)) as made:
        made.request("GET", path)
        # The answer has a share in the connection.
        with made.getresponse() as answer:
            yield answer


def read_until(answer: http.client.HTTPResponse, word: str) -> str:
    """Read lines up to one with a word."""
    text = ""
    while word not in text:
        line = answer.readline().decode()
        assert line, text
        text += line
    return text


@pytest.mark.parametrize("path", ["/logtail/echo", "/logtail/echo/stdout", "/logtail/echo:echo/stdout"])
def test_lines_come_as_they_are_written(stack: RealStack, call: Caller, path: str) -> None:
    with following(stack, path) as answer:
        assert (answer.status, answer.headers["Transfer-Encoding"]) == (200, "chunked")
        call("sendProcessStdin", "echo", f"to {path} \u00e9\n")
        read_until(answer, f"to {path} \u00e9\r\n")


def test_it_begins_with_the_last_kilobyte_of_whole_lines(stack: RealStack, call: Caller) -> None:
    for number in range(30):
        call("sendProcessStdin", "echo", f"{number:02d}{'.' * 60}\n")
    eventually(lambda: "29..." in call("readProcessLog", "echo", 0, 0), within=PATIENCE)
    with following(stack, "/logtail/echo") as answer:
        text = read_until(answer, "29" + "." * 60 + "\r\n")
    assert len(text) <= 1024
    assert all(len(line) in (0, 62) for line in text.split("\r\n"))


def test_it_goes_on_over_a_rotation(stack: RealStack, call: Caller) -> None:
    with following(stack, "/logtail/echo") as answer:
        call("sendProcessStdin", "echo", "before it\n")
        read_until(answer, "before it")
        assert call("clearProcessLogs", "echo") is True
        call("sendProcessStdin", "echo", "after it\n")
        read_until(answer, "after it")


def test_a_reader_that_goes_is_noticed_though_nothing_is_written(stack: RealStack) -> None:
    eventually(lambda: stack.server.connections == 0, within=PATIENCE)
    with following(stack, "/logtail/quiet") as answer:
        assert answer.status == 200
        assert stack.server.connections == 1
    eventually(lambda: stack.server.connections == 0, within=PATIENCE)


def test_also_one_that_says_more_than_its_request_as_supervisorctl_does(stack: RealStack) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.settimeout(PATIENCE)
        made.connect(stack.socket)
        made.sendall(b"GET /logtail/quiet HTTP/1.1\r\nHost: \r\n\r\n")
        assert made.recv(1 << 16).startswith(b"HTTP/1.1 200 OK\r\n")
        made.sendall(b"\r\n")
    eventually(lambda: stack.server.connections == 0, within=PATIENCE)


def test_the_end_of_the_server_ends_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    with (
        real_stack(tmp_path_factory.mktemp("ending"), "tails-ending", SERVICES) as stack,
        following(stack, "/logtail/quiet") as answer,
    ):
        stack.leave()
        assert answer.read() == b""
