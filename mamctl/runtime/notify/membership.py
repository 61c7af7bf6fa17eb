"""Whether a process is one of a service's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mamctl.runtime.processes import read
from mamctl.runtime.strays import belongs

if TYPE_CHECKING:
    from mamctl.runtime.incarnation import Incarnation

# How many parents are asked; a longer line of them is no service's.
GENERATIONS: Final = 32


def is_of(pid: int, found: Incarnation) -> bool:
    """Tell whether a process belongs to an incarnation; one that has ended meanwhile is believed to.

    Told by its pid, its session, the mark in its environment, or a parent that is of it.
    """
    if pid == found.pid:
        return True
    row = read(pid)
    if row is None or row.state in "ZX" or belongs(pid, found):
        return True
    for _ in range(GENERATIONS):
        if row is None or row.ppid <= 1:
            return False
        if row.ppid == found.pid:
            return True
        row = read(row.ppid)
    return False
