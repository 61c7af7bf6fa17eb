"""TCP sockets by NETLINK_SOCK_DIAG, the way of `ss`: the kernel filters by port, no privileges, some 30 us.

Message layouts: linux/netlink.h, linux/inet_diag.h (inet_diag_req_v2, inet_diag_msg).
"""

from __future__ import annotations

import os
import socket
import struct
from typing import TYPE_CHECKING, Final

from mamctl.runtime.ports.sockets import LISTEN, Socket

if TYPE_CHECKING:
    from collections.abc import Iterator

LISTENING: Final = 1 << LISTEN
"""The mask of listening sockets only."""

EVERY_STATE: Final = (1 << 14) - 1
"""The mask of all states, those included that are bound and nothing more (listed since Linux 6.8)."""

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST_DUMP = 0x301
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBxI")
_REPLY_SIZE = 72
_ATTRIBUTE = struct.Struct("=HH")
_V6ONLY = 11
_ONE_SECOND = struct.pack("@ll", 1, 0)


def sockets(port: int, states: int = LISTENING) -> list[Socket]:
    """Return the TCP sockets whose own port is `port` (0: any) in the states of the mask; OSError where not built."""
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
    with socket.socket(socket.AF_NETLINK, kind, _NETLINK_SOCK_DIAG) as diag:
        # The kernel answers at once; a sandbox that swallows the question must not hold us.
        diag.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _ONE_SECOND)
        return [*_dump(diag, socket.AF_INET, port, states), *_dump(diag, socket.AF_INET6, port, states)]


def _dump(diag: socket.socket, family: socket.AddressFamily, port: int, states: int) -> Iterator[Socket]:
    body = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, states) + struct.pack("!H", port) + bytes(46)
    diag.send(_HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0) + body)
    while True:
        answer = diag.recv(65536)
        offset = 0
        while offset < len(answer):
            length, kind, *_ = _HEADER.unpack_from(answer, offset)
            if kind == _DONE:
                return
            if kind == _ERROR:
                (code,) = struct.unpack_from("=i", answer, offset + _HEADER.size)
                raise OSError(-code, "sock_diag: " + os.strerror(-code))
            yield _parse(answer[offset + _HEADER.size : offset + length])
            offset += (length + 3) & ~3


def _parse(message: bytes) -> Socket:
    family = socket.AddressFamily(message[0])
    packed = message[8:12] if family == socket.AF_INET else message[8:24]
    uid, inode = struct.unpack_from("=II", message, 64)
    address = socket.inet_ntop(family, packed)
    dual = family == socket.AF_INET6 and not _attributes(message[_REPLY_SIZE:]).get(_V6ONLY, b"\0")[0]
    return Socket(family, address, int.from_bytes(message[4:6]), message[1], inode, uid, dual)


def _attributes(text: bytes) -> dict[int, bytes]:
    found = {}
    offset = 0
    while offset + _ATTRIBUTE.size <= len(text):
        length, kind = _ATTRIBUTE.unpack_from(text, offset)
        if length < _ATTRIBUTE.size:
            break
        found[kind] = text[offset + _ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3
    return found
