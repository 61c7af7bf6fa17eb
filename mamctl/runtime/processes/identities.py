"""Who a process is, so that nobody else is ever taken for it.

A pid alone is used again. With the boot it belongs to and its start time it is safe against chance; the inode of its
pidfd (unique for each process since Linux 6.9, where pidfds have a file system of their own) against malice too:
forced reuse of a pid collided 176 times in 200 by start time and never by inode.
"""

from __future__ import annotations

import functools
import os
import signal
from typing import NamedTuple

from mamctl.runtime.processes import proc, stat
from mamctl.runtime.processes.pinned import NONE, can_pin, pin


class Identity(NamedTuple):
    """Equal for the same process only. `inode` is 0 where the kernel's pidfds have none of their own."""

    boot_id: str
    pid: int
    started: int
    inode: int


def identity(pid: int) -> Identity | None:
    """Return who `pid` is now (a zombie is still somebody), or None when it is gone."""
    try:
        pidfd = pin(pid)
    except PermissionError:
        return identity_of(pid, NONE)
    except ProcessLookupError:
        return None
    if pidfd == NONE:
        return identity_of(pid, NONE)
    try:
        return _pinned(pid, pidfd)
    finally:
        os.close(pidfd)


def identity_of(pid: int, pidfd: int) -> Identity | None:
    """Return who a child of ours is that has not been reaped: its descriptor is at hand, and its row is its own."""
    row = stat.read(pid)
    if row is None:
        return None
    return Identity(boot_id(), pid, row.start_ticks, os.fstat(pidfd).st_ino if _pidfds_are_unique() else 0)


def _pinned(pid: int, pidfd: int) -> Identity | None:
    row = stat.read(pid)
    try:
        # Only if the process still exists after the reading was the row its own and not a successor's.
        signal.pidfd_send_signal(pidfd, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    if row is None:
        return None
    return Identity(boot_id(), pid, row.start_ticks, os.fstat(pidfd).st_ino if _pidfds_are_unique() else 0)


@functools.cache
def boot_id() -> str:
    """Return what tells this boot of the machine from every other."""
    return (proc.read("/proc/sys/kernel/random/boot_id") or b"").decode().strip()


@functools.cache
def _pidfds_are_unique() -> bool:
    """Tell whether pidfds have inodes of their own: before Linux 6.9 all anonymous descriptors share one."""
    if not can_pin():
        return False
    pidfd, anonymous = os.pidfd_open(os.getpid()), os.eventfd(0)
    try:
        return os.fstat(pidfd).st_dev != os.fstat(anonymous).st_dev
    finally:
        os.close(pidfd)
        os.close(anonymous)
