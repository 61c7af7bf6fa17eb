"""See that nothing is left of an incarnation, whatever it forked.

We are the subreaper of everything we start, so what a dead service leaves behind is in its process group or became
our child (setsid, double fork). A child that we do not know is told by the marker in its environment, or by the
session of the dead leader. What an earlier supervisor started is looked for everywhere (`strays`). Where there are
control groups, who is in that of the service belongs to it, whatever it wiped off and wherever it went.

Leftovers got the stop signal when the leader was reaped; they have what is left of the grace since the stop began, and
a moment at least, or all of it after a crash. Then KILL, round after round until nobody is left or the time is up: a
process that forks and exits for ever is caught too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING

from mamctl.core.events import Survivor
from mamctl.runtime.environment import EXTERNAL, MARKER
from mamctl.runtime.ports import PortState, bind_test
from mamctl.runtime.processes import children, command_line, descendants, environment, group_members, pinned, read
from mamctl.runtime.strays import Strays, belongs, is_its_number

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from mamctl.runtime.incarnation import Incarnation
    from mamctl.runtime.processes import Stat

KILL_SECONDS = 2.0
# Leftovers were not asked before their leader ended: they have this long also when the grace is over.
LAST_WORD_SECONDS = 0.5
PORT_SECONDS = 0.25
FIRST_PAUSE, LONGEST_PAUSE = 0.002, 0.05


class Sweeper:
    """Cleans up after incarnations.

    `known` names the leaders that live: they are reaped elsewhere. `project` is that of the markers. `sole`: this
    process does nothing else, so every other child is a leftover; a program that embeds us has children of its own.
    """

    def __init__(self, known: Callable[[], Collection[int]], *, project: str, sole: bool) -> None:
        self._known = known
        self._prefix = f"{project}/".encode()
        self._sole = sole
        self._strays = Strays()
        # Sessions and leftovers, with whom they came from: once dead, a process has no environment to tell it by.
        self._sessions: dict[int, str] = {}
        self._found: dict[int, str] = {}

    def family(self, found: Incarnation) -> list[int]:
        """Return every process of a living incarnation: the leader, what it forked, what left its session."""
        numbered = is_its_number(found)
        strays = self._strays.of(found) if found.adopted else []
        orphans = [pid for pid in self._unknown() if belongs(pid, found, numbered=numbered)]
        tree = [pid for root in (found.pid, *orphans, *strays) for pid in (root, *descendants(root))]
        return list(dict.fromkeys((*tree, *_controlled(found))))

    def is_clean(self, dead: Incarnation) -> bool:
        """Tell at once whether nothing is left and its ports are free."""
        # Of an adopted one that is known only after a look at all processes, which is better done once for many.
        if dead.adopted or self._orphans(dead) or _controlled(dead) or dead.group_exists():
            return False
        self._forget(dead)
        return ports_free(dead)

    async def clean(self, dead: Incarnation) -> tuple[Survivor, ...]:
        """End what is left of it; return what could not be ended."""
        loop = asyncio.get_running_loop()
        patient_until = _patient_until(dead, loop.time())
        pause, told, since = FIRST_PAUSE, False, loop.time()
        if dead.adopted:
            await asyncio.sleep(FIRST_PAUSE)
        while left := self._leftovers(dead, since):
            if loop.time() > patient_until + KILL_SECONDS:
                return tuple(Survivor(pid, command_line(pid) or "?") for pid in left)
            if loop.time() >= patient_until:
                _kill(dead, left)
            elif not told:
                send(left, dead.spec.stop.signal)
                told = True
            since = loop.time()
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        # Who forks and ends for ever may have been between two looks each time; the kernel misses nobody.
        _kill(dead, ())
        self._forget(dead)
        await self._ports(dead)
        return ()

    def kill(self, dead: Incarnation) -> None:
        """Kill what is left of it now."""
        _kill(dead, self._leftovers(dead))

    def reap_orphans(self) -> None:
        """Collect the zombies that services left to us; those of our own session are waited for by who started them."""
        for pid in self._unknown():
            row = read(pid)
            if row is None or not self._may_reap(row):
                continue
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)

    def kill_unknown(self) -> list[int]:
        """Kill what no service owns any more, at the very end. What a run step started stays. Return the pids."""
        unknown = self._unknown()
        found = [child for child in unknown if self._is_marked(child) or (self._sole and not _is_external(child))]
        left = [pid for child in found for pid in (child, *descendants(child))]
        send(left, signal.SIGKILL)
        return left

    def _may_reap(self, row: Stat) -> bool:
        """Tell whether nobody else waits for a child: probes run in our own session, others anywhere."""
        ours = row.sid in self._sessions or row.pid in self._found
        return ours or (self._sole and row.sid != os.getsid(0))

    def _is_marked(self, pid: int) -> bool:
        found = environment(pid)
        return found is not None and found.get(MARKER.encode(), b"").startswith(self._prefix)

    def _unknown(self) -> list[int]:
        known = self._known()
        return [pid for pid in children(os.getpid()) if pid not in known]

    def _orphans(self, dead: Incarnation, since: float | None = None) -> list[int]:
        self._sessions[dead.pid] = dead.instance
        self.reap_orphans()
        numbered = is_its_number(dead)
        strays = self._strays.of(dead, since) if dead.adopted else []
        return strays + [
            pid
            for pid in self._unknown()
            if self._found.get(pid) == dead.instance or belongs(pid, dead, numbered=numbered)
        ]

    def _leftovers(self, dead: Incarnation, since: float | None = None) -> list[int]:
        orphans = self._orphans(dead, since)
        grown = [pid for orphan in orphans for pid in descendants(orphan)]
        left = list(dict.fromkeys((*orphans, *grown, *_group(dead), *_controlled(dead))))
        self._found.update(dict.fromkeys(left, dead.instance))
        # A child that only forked another one and ended has nothing to know it by but the session that it made.
        rows = filter(None, map(read, left))
        self._sessions.update((row.sid, dead.instance) for row in rows if row.sid != os.getsid(0))
        return left

    def _forget(self, dead: Incarnation) -> None:
        """Know no numbers any more of one of which nothing is left: they may soon be somebody else's."""
        self._sessions = {sid: instance for sid, instance in self._sessions.items() if instance != dead.instance}
        self._found = {pid: instance for pid, instance in self._found.items() if instance != dead.instance}

    async def _ports(self, dead: Incarnation) -> None:
        """Give the ports a moment; whoever holds them after that is named by the next start."""
        loop = asyncio.get_running_loop()
        until = loop.time() + PORT_SECONDS
        while not ports_free(dead) and loop.time() < until:  # noqa: ASYNC110 - the kernel tells nobody of a free port
            await asyncio.sleep(LONGEST_PAUSE)


def _is_external(pid: int) -> bool:
    found = environment(pid)
    return found is not None and EXTERNAL.encode() in found


def _patient_until(dead: Incarnation, now: float) -> float:
    """Return until when what is left may end by itself."""
    grace = dead.spec.stop.grace
    if dead.asked_at is None:
        return now + grace
    return max(dead.asked_at + grace, now + min(LAST_WORD_SECONDS, grace))


def _group(dead: Incarnation) -> list[int]:
    """Return who runs in the process group of the dead leader."""
    return group_members(dead.pid) if dead.group_exists() and is_its_number(dead) else []


def _controlled(found: Incarnation) -> list[int]:
    return [] if found.control is None else found.control.pids()


def _kill(dead: Incarnation, left: Collection[int]) -> None:
    """Kill its control group and its process group, each at one stroke, and the others one by one."""
    if dead.control is not None:
        dead.control.kill()
    if is_its_number(dead):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(dead.pid, signal.SIGKILL)
    send(left, signal.SIGKILL)


def ports_free(dead: Incarnation) -> bool:
    """Tell whether the ports of a service can be bound again."""
    return all(bind_test(dead.spec.host, port.number) is not PortState.TAKEN for port in dead.spec.binds)


def send(pids: Collection[int], signum: int) -> None:
    """Signal processes one by one, each through a descriptor of its own, and wake those that are stopped."""
    for pid in pids:
        with contextlib.suppress(OSError):
            pinned.send(pid, signum, signal.SIGCONT)
