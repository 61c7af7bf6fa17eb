"""The process table: who is whose child, group and session."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mamctl.runtime.processes import proc
from mamctl.runtime.processes.stat import DEAD, Stat, read

if TYPE_CHECKING:
    from collections.abc import Iterator


def scan() -> Iterator[Stat]:
    """Yield every process, zombies too, in one pass."""
    for pid in proc.pids():
        if row := read(pid):
            yield row


def children(pid: int) -> list[int]:
    """Return the direct children, zombies too (they are still to be reaped)."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []
    found: list[int] = []
    for thread in threads:
        text = proc.read_whole(f"/proc/{pid}/task/{thread}/children")
        if text is None and thread == str(pid):
            return _children_by_scan(pid)
        found.extend(int(word) for word in (text or b"").split())
    return found


def _children_by_scan(pid: int) -> list[int]:
    """Find children on a kernel without CONFIG_PROC_CHILDREN, where the file does not exist."""
    return [row.pid for row in scan() if row.ppid == pid]


def descendants(pid: int) -> list[int]:
    """Return children, grandchildren and so on, nearest first. Orphans that left the tree are not among them."""
    found: list[int] = []
    seen, level = {pid}, [pid]
    while level:
        level = [child for parent in level for child in children(parent) if child not in seen]
        seen.update(level)
        found.extend(level)
    return found


def group_members(pgid: int) -> list[int]:
    """Return who still runs in a process group; zombies are left out, for they hold nothing."""
    return [row.pid for row in scan() if row.pgid == pgid and row.state not in DEAD]


def session_members(sid: int) -> list[int]:
    """Return who still runs in a session; zombies are left out."""
    return [row.pid for row in scan() if row.sid == sid and row.state not in DEAD]


def kernel_threads() -> frozenset[int]:
    """Return the kernel's own threads, which no scan need look at (empty where they are not visible)."""
    if proc.read("/proc/2/comm") != b"kthreadd\n":
        return frozenset()
    return frozenset((2, *children(2)))
