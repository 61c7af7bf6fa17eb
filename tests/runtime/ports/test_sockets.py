"""Which listeners stand in the way of an address, and which would answer there."""

import socket

import pytest

from mamctl.runtime.ports.procnet import parse
from mamctl.runtime.ports.sockets import LISTEN, Socket, answering, touching

V4, V6 = socket.AF_INET, socket.AF_INET6


def row(address, *, dual=False, inode=1):
    return Socket(V6 if ":" in address else V4, address, 8000, LISTEN, inode, 0, dual)


LOOPBACK, OTHER, ALL4 = row("127.0.0.1"), row("127.0.0.2"), row("0.0.0.0")
LOOPBACK6, ALL6, DUAL, MAPPED = row("::1"), row("::"), row("::", dual=True), row("::ffff:127.0.0.1")
EVERYONE = [LOOPBACK, OTHER, ALL4, LOOPBACK6, ALL6, DUAL, MAPPED]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", [LOOPBACK, ALL4, DUAL, MAPPED]),
        ("0.0.0.0", [LOOPBACK, OTHER, ALL4, DUAL, MAPPED]),
        ("::1", [LOOPBACK6, ALL6, DUAL]),
        ("::", EVERYONE),
        ("localhost", [LOOPBACK, ALL4, LOOPBACK6, ALL6, DUAL, MAPPED]),
        ("10.0.0.1", [ALL4, DUAL]),
    ],
)
def test_in_the_way_is_whatever_shares_an_address(host, expected):
    assert touching(EVERYONE, host) == expected


def test_the_most_particular_listener_answers():
    assert answering(EVERYONE, "127.0.0.1") == [LOOPBACK, MAPPED]
    assert answering([OTHER, ALL4, DUAL], "127.0.0.1") == [ALL4]
    assert answering([OTHER, ALL6, DUAL], "127.0.0.1") == [DUAL]
    assert answering([OTHER, ALL6, LOOPBACK6], "127.0.0.1") == []


def test_listeners_of_a_kind_share_the_connections():
    twins = [row("127.0.0.1", inode=1), row("127.0.0.1", inode=2)]
    assert answering(twins, "127.0.0.1") == twins


def test_either_loopback_answers_to_localhost():
    assert answering([LOOPBACK, LOOPBACK6], "localhost") == [LOOPBACK, LOOPBACK6]


def test_a_wildcard_is_reached_by_every_address():
    assert answering([LOOPBACK, OTHER, ALL4], "0.0.0.0") == [LOOPBACK, OTHER, ALL4]


def test_a_line_of_proc_net_tcp_is_read():
    line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 31337 1 0"
    assert parse(V4, line) == Socket(V4, "127.0.0.1", 8080, LISTEN, 31337, 1000)


def test_a_line_of_proc_net_tcp6_is_read():
    line = (
        "   1: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A "
        "00000000:00000000 00:00000000 00000000     0        0 42 1 0"
    )
    assert parse(V6, line) == Socket(V6, "::1", 8080, LISTEN, 42, 0, dual=True)
