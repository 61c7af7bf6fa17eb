"""The processes below this one, from /proc: what the guardian waits for and, at the very end, stops.

Only the standard library, and little of it: the guardian is made of this.
"""

from __future__ import annotations

import contextlib
import os
import signal


def table() -> dict[int, tuple[int, str]]:
    """Return the parent and the state (`R`, `S`, `Z` ...) of every process; nothing where there is no /proc."""
    found = {}
    for entry in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if entry.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{entry}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
                found[int(entry)] = (int(fields[1]), fields[0].decode())
    return found


def descendants() -> list[int]:
    """Return every process below this one that is not dead, the nearest first."""
    rows = table()
    below: dict[int, list[int]] = {}
    for pid, (parent, _) in rows.items():
        below.setdefault(parent, []).append(pid)
    family = [os.getpid()]
    for pid in family:
        family += below.get(pid, ())
    return [pid for pid in family[1:] if rows[pid][1] not in "ZX"]


def signal_one(pid: int, number: int) -> None:
    """Signal one process, and wake it: a stopped one would not see the signal. One that is gone is no error."""
    with contextlib.suppress(OSError):
        os.kill(pid, number)
        os.kill(pid, signal.SIGCONT)
