"""The addresses that a host of a manifest stands for, without a question to any name server.

Literal addresses, `localhost` (both loopbacks: a stranger on ::1 answers to that name too) and the names of
/etc/hosts. A lookup that could block for seconds has no place in the supervisor's loop.
"""

from __future__ import annotations

import functools
import socket
from typing import Final, NamedTuple

ANY_IPV4: Final = "0.0.0.0"  # noqa: S104 - compared with, not bound
ANY_IPV6: Final = "::"

_HOSTS_FILE = "/etc/hosts"


class Address(NamedTuple):
    """One numeric address in the system's own spelling; `scope` is the interface of a link-local IPv6 address."""

    family: socket.AddressFamily
    host: str
    scope: int = 0

    @property
    def is_wildcard(self) -> bool:
        """Tell whether it means every address of its family."""
        return self.host in (ANY_IPV4, ANY_IPV6)

    def with_port(self, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
        """Return what `bind` and `connect` take."""
        if self.family == socket.AF_INET:
            return self.host, port
        return self.host, port, 0, self.scope


LOOPBACKS: Final = (Address(socket.AF_INET, "127.0.0.1"), Address(socket.AF_INET6, "::1"))


@functools.lru_cache(maxsize=256)
def literal(text: str) -> Address | None:
    """Return the address that `text` spells, or None when it is a name."""
    host, _, scope = text.partition("%")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        packed = socket.inet_pton(family, host)
        return Address(family, socket.inet_ntop(family, packed), socket.if_nametoindex(scope) if scope else 0)
    except (OSError, ValueError):
        return None


def addresses(host: str, *, hosts_file: str = _HOSTS_FILE) -> tuple[Address, ...]:
    """Return the addresses of `host`, empty for a name that only a name server could know."""
    if host == "localhost" or host.endswith(".localhost"):
        return LOOPBACKS
    if found := literal(host):
        return (found,)
    return tuple(_from_hosts_file(host.lower(), hosts_file))


def _from_hosts_file(name: str, path: str) -> list[Address]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            entries = [line.partition("#")[0].split() for line in file]
    except OSError:
        return []
    named = [entry[0] for entry in entries if name in (word.lower() for word in entry[1:])]
    return [address for text in named if (address := literal(text))]
