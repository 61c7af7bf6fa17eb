"""TCP sockets by /proc/net/tcp and tcp6, for kernels and sandboxes without NETLINK_SOCK_DIAG.

It does not tell whether an IPv6 socket takes IPv4 too; that it does is assumed, for it is the default.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

from mamctl.runtime.ports.sockets import Socket

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILES = ((socket.AF_INET, "/proc/net/tcp"), (socket.AF_INET6, "/proc/net/tcp6"))


def sockets(port: int, states: int) -> list[Socket]:
    """Return the TCP sockets whose own port is `port` (0: any) in the states of the mask; OSError without /proc."""
    return [row for family, path in _FILES for row in _rows(family, path, port) if states >> row.state & 1]


def _rows(family: socket.AddressFamily, path: str, port: int) -> Iterator[Socket]:
    wanted = f":{port:04X} " if port else ":"
    try:
        with open(path, encoding="ascii") as file:
            lines = file.readlines()[1:]
    except FileNotFoundError:
        if family == socket.AF_INET6:
            return
        raise
    for line in lines:
        if wanted in line and (not port or line.split(None, 2)[1].endswith(wanted.rstrip())):
            yield parse(family, line)


def parse(family: socket.AddressFamily, line: str) -> Socket:
    """Read one line; addresses stand there as 32-bit words in the machine's own order."""
    words = line.split()
    text, _, port = words[1].partition(":")
    packed = b"".join(struct.pack("=I", int(text[at : at + 8], 16)) for at in range(0, len(text), 8))
    address = socket.inet_ntop(family, packed)
    dual = family == socket.AF_INET6
    return Socket(family, address, int(port, 16), int(words[3], 16), int(words[9]), int(words[7]), dual)
