"""The control listener over TCP: a bound socket, or the one that was kept from an earlier supervisor."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from mamctl.core.errors import MamctlError

if TYPE_CHECKING:
    from collections.abc import Sequence

BACKLOG = 64


def listen(host: str, port: int, kept: Sequence[int] = ()) -> socket.socket:
    """Return a listening socket; the kept one if it is bound to this address. Raises MamctlError."""
    try:
        family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise MamctlError(f"the control API cannot listen on {host}: {error.strerror}") from None
    for descriptor in kept:
        found = socket.socket(fileno=descriptor)
        if found.getsockname()[:2] == where[:2]:
            return found
        found.close()
    return _bound(family, where)


def _bound(family: int, where: tuple[object, ...]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # The IPv4 address is another one, which nobody has asked for.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.settimeout(0)
        listener.bind(where)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        why = os.strerror(error.errno or 0).lower()
        hint = "`mamctl ports` and `ss -ltnp` show who holds it; control: {listen: ...} names another"
        raise MamctlError(f"the control API cannot listen on {where[0]} port {where[1]}: {why}", hint) from None
    return listener
