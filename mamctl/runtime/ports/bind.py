"""The bind test: whether a service could bind a host and port now.

It binds as servers do (SO_REUSEADDR, so that connections which are still closing do not count) and never listens,
so nobody can reach us by mistake. About 15 microseconds. Between the test and the service's own bind another
process may come; only a socket that the supervisor holds could close that window.
"""

from __future__ import annotations

import errno
import socket
from enum import StrEnum

from mamctl.runtime.ports.address import ANY_IPV6, Address, addresses


class PortState(StrEnum):
    """What a bind met: nothing, another socket, a rule that forbids it, or an address this machine does not have."""

    FREE = "free"
    TAKEN = "taken"
    RESERVED = "reserved"
    NO_ADDRESS = "no_address"


_BY_ERRNO = {
    errno.EADDRINUSE: PortState.TAKEN,
    errno.EACCES: PortState.RESERVED,
    errno.EPERM: PortState.RESERVED,
    errno.EADDRNOTAVAIL: PortState.NO_ADDRESS,
    errno.EAFNOSUPPORT: PortState.NO_ADDRESS,
    errno.EINVAL: PortState.NO_ADDRESS,  # a link-local address without its interface
}

_WORST_FIRST = (PortState.TAKEN, PortState.RESERVED, PortState.FREE, PortState.NO_ADDRESS)


def bind_test(host: str, port: int) -> PortState:
    """Return whether every address of `host` can be bound at `port`; the worst answer counts.

    An address that the machine lacks (::1 of `localhost` without IPv6) does not count beside one that it has. A name
    that neither is `localhost` nor stands in /etc/hosts has no address.
    """
    found = {_try(address, port) for address in addresses(host)}
    return next((state for state in _WORST_FIRST if state in found), PortState.NO_ADDRESS)


def _try(address: Address, port: int) -> PortState:
    try:
        with socket.socket(address.family, socket.SOCK_STREAM) as test:
            test.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if address.family == socket.AF_INET6:
                # `::` is tested with IPv4: who reaches it by 127.0.0.1 must not meet a stranger there.
                test.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address.host != ANY_IPV6)
            test.bind(address.with_port(port))
    except OSError as error:
        if error.errno not in _BY_ERRNO:
            raise
        return _BY_ERRNO[error.errno]
    return PortState.FREE
