"""The way from a terminal into a pipe, byte for byte, with the kernel's help and without."""

from __future__ import annotations

import errno
import os
import termios
from typing import TYPE_CHECKING

import pytest

from mamctl.runtime import relay as module
from mamctl.runtime.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Iterator


class Line:
    """A terminal and a pipe, and the relay between them."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        os.set_blocking(self.master, False)
        modes = termios.tcgetattr(self.slave)
        modes[1] &= ~termios.OPOST
        termios.tcsetattr(self.slave, termios.TCSANOW, modes)
        self.out, self.end = os.pipe()
        os.set_blocking(self.out, False)
        self.relay = Relay(self.master, self.end)

    def arrived(self) -> bytes:
        try:
            return os.read(self.out, 1 << 20)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        for descriptor in (self.master, self.slave, self.out, self.end):
            if descriptor >= 0:
                os.close(descriptor)


@pytest.fixture(params=["splice", "no splice"])
def line(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    if request.param == "no splice":

        def refuse(*_: object, **__: object) -> int:
            raise OSError(errno.EINVAL, "a terminal cannot be spliced here")

        monkeypatch.setattr(module.os, "splice", refuse)
    found = Line()
    yield found
    found.relay.close()
    found.close()


def test_what_a_terminal_shows_arrives_byte_for_byte(line: Line) -> None:
    os.write(line.slave, b"one\r\n\x1b[31m\xfftwo")
    assert line.relay.move() == len(b"one\r\n\x1b[31m\xfftwo")
    assert line.arrived() == b"one\r\n\x1b[31m\xfftwo"


def test_without_anything_to_move_nothing_happens(line: Line) -> None:
    assert line.relay.move() == 0
    assert not line.relay.hung


def test_a_full_pipe_loses_nothing(line: Line) -> None:
    filled = b"x" * 65536
    os.write(line.end, filled)
    os.write(line.slave, b"and on")
    assert line.relay.move() == 0
    assert line.arrived() == filled
    assert line.relay.move() == len(b"and on")
    assert line.arrived() == b"and on"


def test_a_pipe_that_has_room_for_a_part_gets_the_rest_later(line: Line) -> None:
    os.write(line.end, b"x" * 61440)
    told = os.urandom(3000).hex().encode()
    os.set_blocking(line.slave, False)
    sent = os.write(line.slave, told)
    arrived = b""
    for _ in range(20):
        line.relay.move()
        arrived += line.arrived()
    assert arrived[61440:] == told[:sent]


def test_a_terminal_that_nobody_has_open_is_hung_up_until_somebody_opens_it(line: Line) -> None:
    path = os.ttyname(line.slave)
    os.close(line.slave)
    line.slave = -1
    assert line.relay.move() == 0
    assert line.relay.hung
    line.slave = os.open(path, os.O_RDWR | os.O_NOCTTY)
    os.write(line.slave, b"again")
    assert line.relay.move() == 5
    assert not line.relay.hung
