"""TCP sockets through psutil, for systems without /proc (macOS): only those of processes that we may look at."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import psutil

from mamctl.runtime.ports.sockets import LISTEN, TIME_WAIT, Socket

if TYPE_CHECKING:
    from collections.abc import Iterator

_STATES = {psutil.CONN_LISTEN: LISTEN, psutil.CONN_TIME_WAIT: TIME_WAIT}


def sockets(port: int, states: int) -> list[Socket]:
    """Return the TCP sockets whose own port is `port` (0: any) in the states of the mask, each with its process."""
    rows = (row for process in psutil.process_iter() for row in _of(process))
    return [row for row in rows if port in (0, row.port) and states >> row.state & 1]


def _of(process: psutil.Process) -> Iterator[Socket]:
    try:
        found = process.net_connections(kind="tcp")
        uid = process.uids().effective
    except psutil.Error:
        return
    for connection in found:
        if connection.laddr:
            # psutil tells no inode here and no IPV6_V6ONLY; that `::` takes IPv4 too is the default.
            state = _STATES.get(connection.status, 0)
            dual = connection.family == socket.AF_INET6
            family = socket.AddressFamily(connection.family)
            yield Socket(family, connection.laddr.ip, connection.laddr.port, state, 0, uid, dual, process.pid)
