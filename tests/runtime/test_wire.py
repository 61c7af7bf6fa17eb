"""Messages between brain and guardian arrive whole, each with its own descriptors, wherever the stream is cut."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamctl.runtime.wire import BATCH, Wire, accepted
from tests.runtime.stack import descriptors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


@pytest.fixture
def ends() -> Iterator[tuple[Wire, Wire]]:
    before = descriptors()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Wire(ours), Wire(theirs)
    assert descriptors() == before


def all_of(wire: Wire, count: int) -> list[tuple[dict[str, Any], list[int]]]:
    found: list[tuple[dict[str, Any], list[int]]] = []
    while len(found) < count:
        messages = wire.receive()
        assert messages is not None
        found += messages
    return found


def pipes(count: int) -> list[int]:
    """Reading ends, each of a pipe that holds its own number."""
    found = []
    for number in range(count):
        reads, writes = os.pipe()
        os.write(writes, str(number).encode())
        os.close(writes)
        found.append(reads)
    return found


def contents(fds: list[int]) -> list[int]:
    found = [int(os.read(fd, 10)) for fd in fds]
    for fd in fds:
        os.close(fd)
    return found


def test_a_message_arrives_as_it_was_sent(ends: tuple[Wire, Wire]) -> None:
    ours, theirs = ends
    ours.send({"do": "keep", "note": {"ä": [1, None, "\n"]}})
    assert theirs.receive() == [({"do": "keep", "note": {"ä": [1, None, "\n"]}, "fds": 0}, [])]


def test_as_many_descriptors_as_a_batch_has_arrive_in_order_and_are_not_inherited(ends: tuple[Wire, Wire]) -> None:
    ours, theirs = ends
    given_away = pipes(BATCH)
    ours.send({"do": "keep"}, given_away)
    [(_, taken)] = all_of(theirs, 1)
    for fd in given_away:
        os.close(fd)
    assert not any(os.get_inheritable(fd) for fd in taken)
    assert contents(taken) == list(range(BATCH))


def test_each_message_has_its_own_descriptors_however_many_come_at_once(ends: tuple[Wire, Wire]) -> None:
    ours, theirs = ends
    given_away = pipes(60)
    for number in range(30):
        ours.send({"number": number}, given_away[2 * number : 2 * number + number % 3])
    for number, (message, taken) in enumerate(all_of(theirs, 30)):
        assert message["number"] == number
        assert contents(taken) == [2 * number, 2 * number + 1][: number % 3]
    for fd in given_away:
        os.close(fd)


@given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3), max_size=5), st.data())
@settings(max_examples=40, deadline=None)
def test_the_stream_may_be_cut_anywhere(messages: list[dict[str, str]], data: st.DataObject) -> None:
    plain, theirs = socket.socketpair()
    with plain, theirs:
        collector, other = socket.socketpair()
        with collector, other:
            for message in messages:
                Wire(collector).send(message)
            collector.shutdown(socket.SHUT_WR)
            stream = b"".join(iter(lambda: other.recv(1 << 16), b""))
        wire, found = Wire(theirs), []
        while stream:
            size = data.draw(st.integers(1, len(stream)))
            plain.sendall(stream[:size])
            stream = stream[size:]
            found += [message for message, _ in wire.receive() or []]
    assert found == [{**message, "fds": 0} for message in messages]


def test_a_large_message_is_put_together(ends: tuple[Wire, Wire]) -> None:
    ours, theirs = ends
    ours.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    ours.send({"text": "x" * 150_000})
    [(message, _)] = all_of(theirs, 1)
    assert message["text"] == "x" * 150_000


def test_the_other_end_that_is_gone_is_told_from_one_that_is_silent(ends: tuple[Wire, Wire]) -> None:
    ours, theirs = ends
    ours.send({"last": "word"})
    ours.socket.close()
    assert theirs.receive() == [({"last": "word", "fds": 0}, [])]
    assert theirs.receive() is None
    with pytest.raises(OSError, match="Broken pipe"):
        theirs.send({"anybody": "there?"})


@pytest.mark.parametrize("garbage", [b"nonsense\n", b"{}\n", b'{"fds": 1}\n', b"\xff\n"])
def test_garbage_is_an_error_and_no_message(ends: tuple[Wire, Wire], garbage: bytes) -> None:
    ours, theirs = ends
    ours.socket.sendall(garbage)
    with pytest.raises((ValueError, KeyError, IndexError)):
        theirs.receive()


def test_a_listening_socket_gives_its_clients_one_by_one(tmp_path: Any) -> None:
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        client.connect(str(tmp_path / "s"))
        guest = accepted(listener)
        client.sendall(b"hello")
        assert guest.recv(10) == b"hello"
        assert not os.get_inheritable(guest.fileno())
        guest.close()
