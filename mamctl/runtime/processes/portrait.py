"""A process as people recognise it: command line, user, age."""

from __future__ import annotations

import time
from typing import Final

from mamctl.runtime.processes import proc, stat

LONGEST: Final = 200
"""Characters of a command line that are shown."""


def command_line(pid: int) -> str | None:
    """Return the command line on one printable line of at most 200 characters, or None when the process is gone.

    A process without one (a zombie, a kernel thread) is given by its short name in brackets, as `ps` does.
    """
    text = proc.read(f"/proc/{pid}/cmdline")
    if text:
        return printable(text.rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace"))
    row = stat.read(pid)
    return f"[{printable(row.name)}]" if row else None


def printable(text: str) -> str:
    """Replace what could move a terminal's cursor, and cut what is too long."""
    shown = "".join(character if character.isprintable() else "?" for character in text[: LONGEST + 1])
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 3] + "..."


def user(pid: int) -> str | None:
    """Return the name of the user a process acts as, or None when it is gone."""
    # Not the owner of /proc/<pid>: that reads root for a process which does not allow core dumps.
    text = proc.read(f"/proc/{pid}/status")
    if not text:
        return None
    _, _, uids = text.partition(b"\nUid:")
    return user_name(int(uids.split(None, 2)[1]))


def user_name(uid: int) -> str:
    """Return the name of a user id, or its number when it has none."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def age(pid: int) -> float | None:
    """Return the seconds since a process started, or None when it is gone."""
    row = stat.read(pid)
    return max(0.0, uptime() - row.start_ticks / stat.TICKS) if row else None


def uptime() -> float:
    """Return the seconds since boot, time asleep included: the clock of `Stat.start_ticks`."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
