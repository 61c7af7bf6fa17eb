"""A TCP connection to a probe's target; deadlines are the caller's."""

from __future__ import annotations

import asyncio
import errno
import os
import socket

from mamctl.runtime.ports.address import Address, addresses


async def connect(host: str, port: int) -> socket.socket:
    """Return a connected, non-blocking socket to the first address of `host` that accepts; OSError of the last."""
    refusal = OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    for address in addresses(host) or await _looked_up(host):
        try:
            return await _connect_one(address, port)
        except OSError as error:
            refusal = error
    raise refusal


async def _looked_up(host: str) -> list[Address]:
    """Ask the system's resolver, in a thread of the loop: only for a name that is no local one."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [Address(family, str(to[0]), int(to[3]) if len(to) == 4 else 0) for family, _, _, _, to in found]


async def _connect_one(address: Address, port: int) -> socket.socket:
    made = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        made.settimeout(0)
        await asyncio.get_running_loop().sock_connect(made, address.with_port(port))
    except BaseException:
        made.close()
        raise
    if is_to_itself(made):
        made.close()
        raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    return made


def is_to_itself(connected: socket.socket) -> bool:
    """Tell whether a connection leads to itself.

    The kernel may give a connection to an unused local port that same port as its own end; then TCP connects it to
    itself, and a port on which nobody listens looks ready. One that was reset meanwhile led to somebody.
    """
    try:
        return bool(connected.getsockname() == connected.getpeername())
    except OSError:
        return False
