"""Whose listener answers on a port: ours, a stranger's, or one whose owner we may not see.

An accepted connection proves nothing by itself: an old instance that was never stopped answers a probe as well as
the one just started, and two sockets with SO_REUSEPORT share the connections. So every listener that would answer
must be held by a process of the service.
"""

from __future__ import annotations

import errno
import os
from enum import StrEnum
from typing import TYPE_CHECKING

from mamctl.runtime.ports import procnet, sockets
from mamctl.runtime.ports.bind import PortState, bind_test
from mamctl.runtime.without import lacks

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from mamctl.runtime.ports.sockets import Socket

    Listing = Callable[[int, int], list[Socket]]
    """Lists the sockets at a port (0: any) in the states of a mask; OSError where the system has no such way."""


# We lack descriptors or memory: another way of listing would only hide that.
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class Ownership(StrEnum):
    """Whose listeners answer at a port. UNKNOWN: the owner's descriptors cannot be read. NONE: nobody listens."""

    OURS = "ours"
    FOREIGN = "foreign"
    UNKNOWN = "unknown"
    NONE = "none"


def listeners(port: int) -> list[Socket]:
    """Return the sockets that listen at `port` (0: at any)."""
    return system_sockets(port, 1 << sockets.LISTEN)


def system_sockets(port: int, states: int) -> list[Socket]:
    """Return the TCP sockets at `port` (0: any) in the states of the mask, by the quickest way that works here."""
    for way in (_by_netlink, procnet.sockets):
        try:
            return way(port, states)
        except OSError as error:
            if error.errno in _EXHAUSTED:
                raise
    from mamctl.runtime.ports import portable

    return portable.sockets(port, states)


def _by_netlink(port: int, states: int) -> list[Socket]:
    import socket

    if lacks("netlink") or not hasattr(socket, "AF_NETLINK"):
        raise OSError("no netlink on this system")
    from mamctl.runtime.ports import netlink

    return netlink.sockets(port, states)


def ownership(port: int, host: str, pids: Collection[int], *, listing: Listing = system_sockets) -> Ownership:
    """Tell whose listeners would answer a connection to `host`:`port`; `pids` are all processes of the service.

    Raises nothing: what cannot be found out now is UNKNOWN.
    """
    try:
        rows = sockets.answering(listing(port, 1 << sockets.LISTEN), host)
        return _of(rows, pids) if rows else _unlisted(port, host)
    except OSError:
        return Ownership.UNKNOWN


def _of(rows: list[Socket], pids: Collection[int]) -> Ownership:
    strange = {row for row in rows if row.pid not in pids}
    hidden = False
    for pid in pids:
        if not strange:
            break
        held = held_inodes(pid, {row.inode for row in strange})
        hidden = hidden or held is None
        strange = {row for row in strange if row.inode not in (held or ())}
    return _verdict(strange, hidden=hidden)


def _verdict(strange: Collection[Socket], *, hidden: bool) -> Ownership:
    """Judge the listeners that were not found among our descriptors; `hidden`: some descriptors were not shown."""
    if not strange:
        return Ownership.OURS
    user = os.geteuid()
    of_others = any(user not in (0, row.uid) for row in strange)
    return Ownership.UNKNOWN if hidden or of_others else Ownership.FOREIGN


def _unlisted(port: int, host: str) -> Ownership:
    """Judge a port without a listener in sight. Without /proc a stranger's is not listed, but a bind still meets it."""
    if os.path.isdir("/proc/self/fd") or bind_test(host, port) is not PortState.TAKEN:
        return Ownership.NONE
    return Ownership.UNKNOWN


def held_inodes(pid: int, inodes: Collection[int]) -> set[int] | None:
    """Return which of the sockets a process holds, or None when its descriptors may not be read."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes if inode}
    folder = f"/proc/{pid}/fd/"
    try:
        names = os.listdir(folder) if wanted else []
    except PermissionError:
        return None
    except (FileNotFoundError, ProcessLookupError, NotADirectoryError):
        return set()
    found = set()
    for name in names:
        try:
            target = os.readlink(folder + name)
        except OSError:
            continue  # Closed since it was listed.
        if target in wanted:
            found.add(wanted[target])
    return found


def owners(inodes: Collection[int]) -> dict[int, list[int]]:
    """Return the processes that hold each socket, of those we may look at.

    Reads the descriptors of every process: for after a failure, not for the loop.
    """
    found: dict[int, list[int]] = {}
    if not inodes:
        return found
    for name in os.listdir("/proc"):
        if name.isdecimal():
            for inode in held_inodes(int(name), inodes) or ():
                found.setdefault(inode, []).append(int(name))
    return found
