"""Long stretches of logs are read while they are sent: nobody holds them, and nothing is lost or torn by that."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import xmlrpc.client
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.control.xmlrpc import logs as log_methods
from mamctl.control.xmlrpc import stretch as stretches
from mamctl.control.xmlrpc.stretch import Stretch
from mamctl.control.xmlrpc.writing import Flow, response
from tests.control.realstack import PATIENCE, RealStack, real_stack
from tests.control.serving import descriptors, rest_of
from tests.control.xmlrpc.calling import Caller, calling
from tests.scripted import eventually

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealStack]:
    with real_stack(tmp_path_factory.mktemp("long"), "long", {"idle": {"command": ["sleep", "1000"]}}) as found:
        yield found


@pytest.fixture
def call(stack: RealStack) -> Iterator[Caller]:
    with calling(stack.socket) as found:
        yield found


@pytest.fixture
def written(stack: RealStack) -> bytes:
    """Return what is in the log of `idle`: longer than what is held, with all that is hard to tell."""
    lines = "".join(random.Random(7).choices("aé😀<&>\r\n\x1b", k=3 * stretches.READ)).encode()
    data = lines + b"\xff\xf0\x9f" * 9
    (stack.folder / "logs" / "idle.log").write_bytes(data)
    return data


def fit(data: bytes) -> str:
    """Return a log as XML can tell it."""
    return data.decode(errors="replace").replace("\x1b", "\ufffd")


def open_logs() -> int:
    """Return how many of this process's descriptors are those of the log."""
    return sum(what.endswith("/idle.log") for what in descriptors().values())


def opened(path: pathlib.Path, count: int | None = None) -> Stretch:
    return Stretch(os.open(path, os.O_RDONLY), 0, path.stat().st_size if count is None else count)


def told(value: Any) -> bytes:
    """Return all of an answer, as a client gets it."""

    async def collect() -> bytes:
        with contextlib.closing(Flow(value)) as flow:
            return b"".join([piece async for piece in flow.pieces()])

    return asyncio.run(collect())


def test_a_long_log_comes_as_it_is_written(call: Caller, written: bytes) -> None:
    assert call("readProcessStdoutLog", "idle", 0, 0) == fit(written)
    assert call("readProcessStdoutLog", "idle", 1, stretches.READ + 1) == fit(written[1 : stretches.READ + 2])
    assert call("tailProcessStdoutLog", "idle", 0, len(written)) == [fit(written), len(written), False]
    end, size, overflow = call("tailProcessStdoutLog", "idle", 0, len(written) - 9)
    assert (end, size, overflow) == (fit(written[9:]), len(written), True)


def test_several_long_logs_go_in_one_request_and_the_connection_serves_on(call: Caller, written: bytes) -> None:
    wish = {"methodName": "supervisor.readProcessLog", "params": ["idle", 0, 0]}
    fault = {"methodName": "supervisor.readProcessLog", "params": ["nosuch", 0, 0]}
    first, wrong, second = call("system.multicall", [wish, fault, wish])
    assert (first, wrong["faultCode"], second) == (fit(written), 10, fit(written))
    assert call("getAPIVersion") == "3.0"


def test_a_client_of_http_1_0_gets_it_too(stack: RealStack, written: bytes) -> None:
    body = xmlrpc.client.dumps(("idle", 0, 0), "supervisor.readProcessLog").encode()
    head = f"POST /RPC2 HTTP/1.0\r\nHost: mamctl\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as made:
        made.settimeout(PATIENCE)
        made.connect(stack.socket)
        made.sendall(head.encode() + body)
        answered, _, document = rest_of(made).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in answered.lower()
    (found,), _ = xmlrpc.client.loads(document.decode())
    assert found == fit(written)


@pytest.mark.usefixtures("written")
def test_a_client_that_leaves_in_the_middle_leaves_no_file_open(stack: RealStack) -> None:
    body = xmlrpc.client.dumps(("idle", 0, 0), "supervisor.readProcessLog").encode()
    head = f"POST /RPC2 HTTP/1.1\r\nHost: mamctl\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    before = open_logs()
    for _ in range(3):
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as made:
            made.settimeout(PATIENCE)
            made.connect(stack.socket)
            made.sendall(head.encode() + body)
            assert made.recv(100)
    eventually(lambda: open_logs() == before, within=PATIENCE)


def test_what_is_sent_is_not_held(tmp_path: pathlib.Path) -> None:
    (tmp_path / "log").write_bytes(b"<line> of a log\n" * (2 * MEBIBYTE // 16))

    async def longest() -> int:
        with contextlib.closing(Flow([opened(tmp_path / "log"), 1, False])) as flow:
            assert sum(len(part) for part in flow._parts if isinstance(part, str)) < 1000
            return max([len(piece) async for piece in flow.pieces()])

    assert asyncio.run(longest()) < MEBIBYTE // 4


def test_only_what_is_short_is_read_at_once(tmp_path: pathlib.Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * (log_methods.LONG + 1))
    path = str(tmp_path / "log")
    assert log_methods._piece(path, 0, log_methods.LONG) == "x" * log_methods.LONG
    found = log_methods._piece(path, 0, 0)
    assert isinstance(found, Stretch)
    found.close()


def test_a_log_that_is_rotated_meanwhile_is_read_to_its_end(tmp_path: pathlib.Path) -> None:
    (tmp_path / "log").write_text("one\ntwo\n")
    stretch = opened(tmp_path / "log")
    (tmp_path / "log").rename(tmp_path / "log.1")
    (tmp_path / "log").write_text("new")
    assert told([stretch, 8, False]) == response(["one\ntwo\n", 8, False])


def test_a_log_that_is_cut_off_meanwhile_ends_there(tmp_path: pathlib.Path) -> None:
    (tmp_path / "log").write_text("one\n")
    assert told(opened(tmp_path / "log", 100)) == response("one\n")


def test_a_log_that_cannot_be_read_on_ends_the_connection(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ConnectionAbortedError, match="a log cannot be read on"):
        told(opened(tmp_path, 100))


def test_an_answer_that_nobody_takes_lets_go_of_its_file(tmp_path: pathlib.Path) -> None:
    (tmp_path / "log").write_text("one\n")
    descriptor = os.open(tmp_path / "log", os.O_RDONLY)
    flow = Flow([Stretch(descriptor, 0, 4)])
    flow.close()
    flow.close()
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(descriptor)
    descriptor = os.open(tmp_path / "log", os.O_RDONLY)
    Stretch(descriptor, 0, 4)
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(descriptor)
