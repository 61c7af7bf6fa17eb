"""Put each service into a group of its own, beside the way of its start.

A process must be moved: to fork it into its group costs what the spawn's fast path saves, and to join the group first
and go back later costs the wait for an RCU grace period, 8 to 24 ms, each time that nobody was moved a moment before.
So a thread moves it after the spawn, with all that it has forked by then; whatever those fork from then on is born in
the group. What slips away in those milliseconds is the sweep's, which looks everywhere anyway.

A number may become another process's while we write it. So a descriptor that is open before tells after the move
whether it was the right one; who was moved by mistake is let out again, and is in no group that we kill.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from mamctl.runtime.processes import descendants

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator, Sequence

    from mamctl.runtime.cgroups import Group, Groups
    from mamctl.runtime.incarnation import Incarnation

logger = logging.getLogger("mamctl")
# Each round moves what the last one's children forked meanwhile; who forks faster is left to the sweep.
ROUNDS = 8


class Entry(NamedTuple):
    """Who is to be moved; `pidfd` is the thread's own, for the loop closes its one at the exit."""

    incarnation: Incarnation
    pidfd: int


Placed: TypeAlias = "Group | OSError | None"


class Placement:
    """Moves services into groups, and takes the groups away once they are empty. Without `groups` it does nothing."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.groups: Groups | None = None
        self._loop = loop
        self._waiting: list[Entry] = []
        self._moving: asyncio.Future[list[Placed]] | None = None
        self._empty: list[Group] = []
        self._told = False

    def join(self, born: Incarnation) -> None:
        """Have a process in its group soon, and `born.control` set; one that is there already is left there."""
        if self.groups is None:
            return
        try:
            self._waiting.append(Entry(born, os.dup(born.pidfd)))
        except OSError:
            return  # no descriptors left: it stays where it is, and is swept without a group
        if self._moving is None and len(self._waiting) == 1:
            self._loop.call_soon(self._move)

    def leave(self, dead: Incarnation) -> None:
        """Take the group of an incarnation away, of which nothing is left; later, for a start may be waiting."""
        dead.emptied = True
        if dead.control is not None:
            self._empty.append(dead.control)
            self._loop.call_soon(self.tidy)

    def tidy(self) -> None:
        """Take away the groups that are empty; who survived everything keeps its own."""
        self._empty = [group for group in self._empty if not group.remove()]

    def close(self) -> None:
        """Let go. Who waits still to be moved stays where it is."""
        for entry in self._waiting:
            os.close(entry.pidfd)
        self._waiting.clear()
        self.tidy()
        if self.groups is not None:
            with contextlib.suppress(OSError):
                os.rmdir(self.groups.folder)

    def _move(self) -> None:
        if self.groups is None or not self._waiting:
            return
        batch, self._waiting = self._waiting, []
        self._moving = self._loop.run_in_executor(None, _place_all, self.groups, batch)
        self._moving.add_done_callback(lambda future: self._moved(batch, future))

    def _moved(self, batch: Sequence[Entry], done: asyncio.Future[list[Placed]]) -> None:
        self._moving = None
        if done.cancelled():
            return
        for (incarnation, _), found in zip(batch, done.result(), strict=True):
            if isinstance(found, OSError):
                self._tell(incarnation, found)
                continue
            incarnation.control = found
            if incarnation.emptied:
                self.leave(incarnation)
        self._move()

    def _tell(self, incarnation: Incarnation, error: OSError) -> None:
        """Say once that there is no group; the next one fares no better."""
        if not self._told:
            self._told = True
            logger.info("%s has no control group, the sweep does without: %s", incarnation.spec.name, error)


def _place_all(groups: Groups, batch: Sequence[Entry]) -> list[Placed]:
    return [_place(groups, entry) for entry in batch]


def _place(groups: Groups, entry: Entry) -> Placed:
    """Return the group that a process and its descendants are in now; None: it ended; an error: it has none."""
    incarnation, pidfd = entry
    try:
        return groups.of(incarnation.pid, incarnation.instance) or _move_tree(groups, incarnation, pidfd)
    except ProcessLookupError:
        return None
    except OSError as error:
        return error
    finally:
        os.close(pidfd)


def _move_tree(groups: Groups, incarnation: Incarnation, pidfd: int) -> Group | None:
    group = groups.make(incarnation.instance, incarnation.spec.limits.memory)
    try:
        if not _move_one(groups, group, incarnation.pid, pidfd):
            return None
        for _ in range(ROUNDS):
            if not _move_descendants(groups, group, incarnation.pid):
                break
        return group
    finally:
        group.remove()  # only when nobody came in


def _move_descendants(groups: Groups, group: Group, pid: int) -> int:
    """Move who was forked before its parent came into the group; return how many there were."""
    outside = set(descendants(pid)) - set(group.pids())
    with _descriptors(outside) as pidfds:
        # Whose descriptor was opened before, and who is a descendant now: that is the same process, if it lives later.
        for child in pidfds.keys() & set(descendants(pid)):
            with contextlib.suppress(OSError):
                _move_one(groups, group, child, pidfds[child])
    return len(outside)


def _move_one(groups: Groups, group: Group, pid: int, pidfd: int) -> bool:
    """Move a process; tell whether it was it. A stranger who has its number by now is let out again."""
    group.add(pid)
    try:
        signal.pidfd_send_signal(pidfd, 0)
    except ProcessLookupError:
        with contextlib.suppress(OSError):
            groups.base.add(pid)
        return False
    except PermissionError:
        return True  # it changed its user: it lives
    return True


@contextlib.contextmanager
def _descriptors(pids: set[int]) -> Iterator[dict[int, int]]:
    found: dict[int, int] = {}
    try:
        for pid in pids:
            with contextlib.suppress(OSError):
                found[pid] = os.pidfd_open(pid)
        yield found
    finally:
        for pidfd in found.values():
            os.close(pidfd)
