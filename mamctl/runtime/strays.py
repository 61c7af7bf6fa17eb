"""The processes of an incarnation wherever they are: for one that an earlier supervisor started.

What that one's services forked and left is not our child: it belongs to the guardian, to process 1, or to whoever the
kernel gave it. So the whole process table is looked through, by the marker, and by session and group of the leader;
once for all that end in the same moment. Where orphans were found once, the next ones come: these heirs are asked
first, for one that forks and exits for ever is gone before a look through the whole table is over.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from mamctl.runtime.environment import MARKER
from mamctl.runtime.processes import children, environment, marked, read, scan
from mamctl.runtime.processes.stat import DEAD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.runtime.incarnation import Incarnation

# How often the heirs' children are looked at while they come and go.
GLANCES = 10


class Census(NamedTuple):
    """All processes that ran at a moment (monotonic seconds): parents, and who has a mark, or a session's number."""

    at: float
    parents: Mapping[int, int]
    marks: Mapping[bytes, set[int]]
    numbers: Mapping[int, set[int]]


class Strays:
    """Finds processes all over the machine."""

    def __init__(self) -> None:
        # The guardian first of all, if there is one.
        self._heirs = {os.getppid()}
        self._census: Census | None = None

    def of(self, found: Incarnation, since: float | None = None) -> list[int]:
        """Return who belongs to an incarnation, its leader too while it lives; zombies and ourselves are left out.

        An earlier look will do if it was after `since` (monotonic seconds).
        """
        numbered = is_its_number(found)
        return self._inherited(found, numbered=numbered) or self._everywhere(found, since, numbered=numbered)

    def _inherited(self, found: Incarnation, *, numbered: bool) -> list[int]:
        """Look among the heirs' children until they are the same twice: while somebody comes and goes, he is missed."""
        last: set[int] | None = None
        for _ in range(GLANCES):
            now = {pid for heir in self._heirs for pid in children(heir)}
            if strays := [pid for pid in now if _runs(pid) and belongs(pid, found, numbered=numbered)]:
                return strays
            if now == last:
                break
            last = now
        return []

    def _everywhere(self, found: Incarnation, since: float | None, *, numbered: bool) -> list[int]:
        if self._census is None or since is None or self._census.at < since:
            self._census = census()
        _, parents, marks, numbers = self._census
        by_number = numbers.get(found.pid, set()) if numbered else set()
        known = marks.get(found.instance.encode(), set()) | by_number
        strays = [pid for pid in known if _runs(pid) and belongs(pid, found, numbered=numbered)]
        self._heirs |= {parents[pid] for pid in strays if pid in parents} - set(strays)
        return strays


def census() -> Census:
    """Look through the whole process table."""
    at = time.monotonic()
    parents: dict[int, int] = {}
    numbers: dict[int, set[int]] = {}
    for row in scan():
        if row.state not in DEAD and row.pid != os.getpid():
            parents[row.pid] = row.ppid
            for number in {row.sid, row.pgid}:
                numbers.setdefault(number, set()).add(row.pid)
    marks: dict[bytes, set[int]] = {}
    for pid, mark in marked(MARKER.encode()):
        if pid != os.getpid():
            marks.setdefault(mark, set()).add(pid)
    return Census(at, parents, marks, numbers)


def is_its_number(found: Incarnation) -> bool:
    """Tell whether the number of its leader can mean only its own session and group.

    The kernel gives no number away that a session or group still has; once a living process has the dead leader's
    number, nobody of the old ones is left.
    """
    return not found.reaped or not _runs(found.pid)


def belongs(pid: int, found: Incarnation, *, numbered: bool | None = None) -> bool:
    """Tell whether a process came from an incarnation: by session or group, else by the marker.

    `numbered` is the answer of `is_its_number`, when many are asked about.
    """
    row = read(pid)
    if row is None:
        return False
    if found.pid in (row.sid, row.pgid) and (is_its_number(found) if numbered is None else numbered):
        return True
    variables = environment(pid)
    return variables is not None and variables.get(MARKER.encode()) == found.instance.encode()


def _runs(pid: int) -> bool:
    row = read(pid)
    return row is not None and row.state not in DEAD
