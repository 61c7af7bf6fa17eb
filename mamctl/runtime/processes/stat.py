"""One row of the process table."""

from __future__ import annotations

import os
from typing import Final, NamedTuple

from mamctl.runtime.processes import proc

TICKS: Final = os.sysconf("SC_CLK_TCK")
"""Clock ticks in a second: the unit of `start_ticks`, `cpu_ticks` and `reaped_ticks`."""

PAGE: Final = os.sysconf("SC_PAGE_SIZE")
"""Bytes in a page: the unit of `rss_pages`."""

DEAD: Final = frozenset("ZX")
"""States of a process that has ended and waits only to be reaped."""


class Stat(NamedTuple):
    """A process as the kernel counts it.

    `name` is the kernel's short name, `state` one letter (R, S, D, Z, T, ...), `start_ticks` the time from boot to
    its start, `cpu_ticks` what its own threads used, `reaped_ticks` what its children used that it waited for.
    """

    pid: int
    name: str
    state: str
    ppid: int
    pgid: int
    sid: int
    start_ticks: int
    cpu_ticks: int
    reaped_ticks: int
    rss_pages: int


def parse(text: bytes) -> Stat:
    """Read the text of `/proc/<pid>/stat`; the name may hold spaces, parentheses and newlines."""
    head, _, tail = text.rpartition(b") ")
    pid, _, name = head.partition(b" (")
    f = tail.split(None, 22)
    return Stat(
        int(pid), name.decode(errors="replace"), chr(f[0][0]), int(f[1]), int(f[2]), int(f[3]),
        int(f[19]), int(f[11]) + int(f[12]), int(f[13]) + int(f[14]), int(f[21]),
    )  # fmt: skip


def read(pid: int) -> Stat | None:
    """Return the row of a process, zombies too, or None when it is gone."""
    text = proc.read(f"/proc/{pid}/stat")
    return parse(text) if text else None


def is_dead(pid: int) -> bool:
    """Tell whether a process has ended, reaped or not."""
    row = read(pid)
    return row is None or row.state in DEAD
