"""The processes of an incarnation wherever they are: for one that an earlier supervisor started.

What that one's services forked and left is not our child: it belongs to the guardian, to process 1, or to whoever the
kernel gave it. So the whole process table is looked through, by the marker, and by session and group of the leader.
Where orphans were found once, the next ones come: these heirs are asked first, for one that forks and exits for ever is
gone before a look through the whole table is over.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mamctl.runtime.environment import MARKER
from mamctl.runtime.processes import children, environment, marked, read, scan

if TYPE_CHECKING:
    from mamctl.runtime.incarnation import Incarnation
    from mamctl.runtime.processes import Stat

DEAD = frozenset("ZX")
# How often the whole table is looked through, and the heirs' children, which costs little, before nobody is there.
LOOKS, GLANCES = 2, 10


class Strays:
    """Finds processes all over the machine."""

    def __init__(self) -> None:
        # The guardian first of all, if there is one.
        self._heirs = {os.getppid()}

    def of(self, found: Incarnation) -> list[int]:
        """Return who belongs to an incarnation, its leader too while it lives; zombies and ourselves are left out."""
        numbered = is_its_number(found)
        for _ in range(LOOKS):
            if strays := self._inherited(found, numbered=numbered) or self._everywhere(found, numbered=numbered):
                return strays
        return []

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

    def _everywhere(self, found: Incarnation, *, numbered: bool) -> list[int]:
        rows = {row.pid: row for row in scan() if row.state not in DEAD}
        by_mark = {pid for pid, _ in marked(MARKER.encode(), (found.instance.encode(),))}
        by_number = {row.pid for row in rows.values() if numbered and found.pid in (row.sid, row.pgid)}
        strays = [pid for pid in by_mark | by_number if pid in rows and pid != os.getpid()]
        self._heirs |= {rows[pid].ppid for pid in strays} - set(strays)
        return strays


def is_its_number(found: Incarnation) -> bool:
    """Tell whether the number of its leader can mean only its own session and group.

    The kernel gives no number away that a session or group still has; once a living process has the dead leader's
    number, nobody of the old ones is left.
    """
    return not found.reaped or not _runs(found.pid)


def belongs(pid: int, found: Incarnation, *, numbered: bool | None = None) -> bool:
    """Tell whether a process came from an incarnation: by session, else by the marker.

    `numbered` is the answer of `is_its_number`, when many are asked about.
    """
    row = read(pid)
    if row is None:
        return False
    if row.sid == found.pid and (is_its_number(found) if numbered is None else numbered):
        return True
    variables = environment(pid)
    return variables is not None and variables.get(MARKER.encode()) == found.instance.encode()


def _runs(pid: int) -> bool:
    row: Stat | None = read(pid)
    return row is not None and row.state not in DEAD
