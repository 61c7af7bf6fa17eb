"""The processes below this one, from /proc: what the guardian waits for and, at the very end, stops.

Only the standard library, and little of it: the guardian is made of this.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from mamctl.runtime.wire import Message

RECORDED = 4096
GRACE_SECONDS = 10.0
KILL_SECONDS = 2.0
CHECK_SECONDS = 10.0
PAUSE = 0.01
EXTERNAL = b"MAMCTL_EXTERNAL"


class Children:
    """Who became a child of ours when a supervisor died. `statuses`: how those ended that had to be reaped unasked."""

    def __init__(self, statuses: Mapping[str, int]) -> None:
        self.statuses = {int(pid): status for pid, status in statuses.items()}

    def status(self, pid: int) -> int | None:
        """Reap a child; return its wait status, None when it lives or is nobody's child here."""
        remembered = self.statuses.pop(pid, None)
        try:
            found, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            return remembered
        # What was remembered is that of an earlier one, who had the same number.
        return status if found else None

    def reap(self, spared: Collection[int]) -> None:
        """Collect every zombie but these; remember how it ended."""
        try:
            if os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return
        except ChildProcessError:
            return
        for pid, (parent, state) in table().items():
            if parent == os.getpid() and state == "Z" and pid not in spared:
                self.statuses[pid] = os.waitpid(pid, 0)[1]
        while len(self.statuses) > RECORDED:
            del self.statuses[next(iter(self.statuses))]

    def stop(
        self,
        note_of: Callable[[int], Message],
        chosen: Callable[[Message], bool],
        meanwhile: Callable[[], None],
        *,
        tag: str = "",
    ) -> list[int]:
        """End all of the family that are chosen, each with its own signal and grace, then KILL; return who survives.

        What one that was told starts after that is its way to end, and is left to it for as long as it lives.
        """
        began = time.monotonic()
        told: set[int] = set()
        while left := {pid: note for pid in family(tag) if chosen(note := note_of(pid))}:
            known = told & left.keys()
            elapsed = time.monotonic() - began
            if elapsed > KILL_SECONDS + max(note.get("grace", GRACE_SECONDS) for note in left.values()):
                return list(left)
            for pid, note in left.items():
                late = elapsed >= note.get("grace", GRACE_SECONDS)
                if late or (pid not in told and parent_of(pid) not in known):
                    told.add(pid)
                    signal_one(pid, signal.SIGKILL if late else note.get("signal", signal.SIGTERM))
            meanwhile()
            self.reap(())
            time.sleep(PAUSE)
        return []

    def succeeds(self, argv: list[str]) -> bool:
        """Run a command; tell whether it ended well, and in time."""
        try:
            pid = os.posix_spawn(argv[0], argv, os.environ)
        except OSError:
            return False
        until = time.monotonic() + CHECK_SECONDS
        while not (found := os.waitpid(pid, os.WNOHANG))[0]:
            if time.monotonic() > until:
                os.kill(pid, signal.SIGKILL)
            time.sleep(PAUSE)
        return found[1] == 0


def table() -> dict[int, tuple[int, str]]:
    """Return the parent and the state (`R`, `S`, `Z` ...) of every process; nothing where there is no /proc."""
    found = {}
    for entry in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if entry.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{entry}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
                found[int(entry)] = (int(fields[1]), fields[0].decode())
    return found


def parent_of(pid: int) -> int:
    """Return the parent of a process, 0 for one that is gone."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[1])
    return 0


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


def family(tag: str) -> list[int]:
    """Return who is below this one, and, with a tag, who else bears a mark of the home that it stands for.

    That is somewhere else whose guardian was killed: an adopted service is a child of process 1. What a run step of
    an external service started is not ours, though it is below.
    """
    below = [pid for pid in descendants() if not marker(pid, EXTERNAL)]
    known = {*below, os.getpid()}
    others = table() if tag else ()
    return [*below, *(pid for pid in others if pid not in known and _bears(pid, tag))]


def _bears(pid: int, tag: str) -> bool:
    return marker(pid, b"MAMCTL_INSTANCE").rpartition("/")[2].startswith(tag)


def signal_one(pid: int, number: int) -> None:
    """Signal one process, and wake it: a stopped one would not see the signal. One that is gone is no error."""
    with contextlib.suppress(OSError):
        os.kill(pid, number)
        os.kill(pid, signal.SIGCONT)


def marker(pid: int, name: bytes = b"MAMCTL_SERVICE") -> str:
    """Return the name of the service that a process belongs to, or another mark in its environment; "" without it."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
        for entry in file.read().split(b"\0"):
            if entry.startswith(name + b"="):
                return entry[len(name) + 1 :].decode(errors="replace")
    return ""
