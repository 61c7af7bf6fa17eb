"""TCP sockets as the system lists them, and which of them a connection would reach."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final, NamedTuple

from mamctl.runtime.ports.address import ANY_IPV4, ANY_IPV6, Address, addresses

if TYPE_CHECKING:
    from collections.abc import Iterable

LISTEN: Final = 10
TIME_WAIT: Final = 6


class Socket(NamedTuple):
    """A TCP socket of this machine.

    `state` is the kernel's number (LISTEN is 10), `inode` the one that descriptors name, `uid` who created it,
    `dual` whether an IPv6 socket takes IPv4 too, `pid` its owner where the listing itself tells (else 0).
    """

    family: socket.AddressFamily
    address: str
    port: int
    state: int
    inode: int
    uid: int
    dual: bool = False
    pid: int = 0


def touching(rows: Iterable[Socket], host: str) -> list[Socket]:
    """Return the sockets that stand in the way of a bind to `host`, or would answer there if others left."""
    wanted = addresses(host)
    return [row for row in rows if any(_rank(row, address) is not None for address in wanted)]


def answering(rows: Iterable[Socket], host: str) -> list[Socket]:
    """Return the sockets that would answer a connection to `host`.

    For one address the kernel prefers a socket bound to it, then one bound to every IPv4 address, then one bound to
    every address of both families; several of a kind (SO_REUSEPORT) share the connections. A wildcard host is
    reached by every address, so every socket counts. `localhost` is reached by either loopback.
    """
    rows = list(rows)
    found: dict[Socket, None] = {}
    for address in addresses(host):
        ranked = [(rank, row) for row in rows if (rank := _rank(row, address)) is not None]
        best = min((rank for rank, _ in ranked), default=0)
        found.update((row, None) for rank, row in ranked if rank == best or address.is_wildcard)
    return list(found)


def _rank(row: Socket, address: Address) -> int | None:
    """Return how directly a socket serves an address: 0 itself, 1 its family, 2 both families; None: not at all."""
    if row.family == address.family and address.host in (row.address, ANY_IPV4, ANY_IPV6):
        return 0
    if row.family == address.family:
        return 1 if row.address in (ANY_IPV4, ANY_IPV6) else None
    if row.family == socket.AF_INET6 and row.dual and row.address == ANY_IPV6:
        return 2
    if row.family == socket.AF_INET6 and row.address.startswith("::ffff:"):
        return 0 if address.host in (row.address.removeprefix("::ffff:"), ANY_IPV4) else None
    return 2 if row.family == socket.AF_INET and address.host == ANY_IPV6 else None
