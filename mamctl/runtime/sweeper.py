"""See that nothing is left of an incarnation, whatever it forked.

We are the subreaper of everything we start, so what a dead service leaves behind is in its process group or became
our child (setsid, double fork). A child that we do not know is told by the marker in its environment, or by the
session of the dead leader. Leftovers got the stop signal when the leader was reaped; they have the same grace, then
KILL, round after round until nobody is left or the time is up: a process that forks and exits for ever is caught too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING

from mamctl.core.events import Survivor
from mamctl.runtime.environment import MARKER
from mamctl.runtime.ports import PortState, bind_test
from mamctl.runtime.processes import children, command_line, descendants, environment, group_members, read

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from mamctl.runtime.incarnation import Incarnation
    from mamctl.runtime.processes import Stat

KILL_SECONDS = 2.0
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
        self._sessions: set[int] = set()
        # Leftovers, with the incarnation they came from: once dead, a process has no environment to tell it by.
        self._found: dict[int, str] = {}

    def family(self, found: Incarnation) -> list[int]:
        """Return every process of a living incarnation: the leader, what it forked, what left its session."""
        orphans = [pid for pid in self._unknown() if belongs(pid, found)]
        return [pid for root in (found.pid, *orphans) for pid in (root, *descendants(root))]

    def is_clean(self, dead: Incarnation) -> bool:
        """Tell at once whether nothing is left and its ports are free."""
        if self._orphans(dead) or dead.group_exists():
            return False
        self._forget(dead)
        return ports_free(dead)

    async def clean(self, dead: Incarnation) -> tuple[Survivor, ...]:
        """End what is left of it; return what could not be ended."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        pause, told = FIRST_PAUSE, False
        while left := self._leftovers(dead):
            elapsed = loop.time() - began
            if elapsed > dead.spec.stop.grace + KILL_SECONDS:
                return tuple(Survivor(pid, command_line(pid) or "?") for pid in left)
            if elapsed >= dead.spec.stop.grace:
                send(left, signal.SIGKILL)
            elif not told:
                send(left, dead.spec.stop.signal)
                told = True
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        self._forget(dead)
        await self._ports(dead)
        return ()

    def kill(self, dead: Incarnation) -> None:
        """Kill what is left of it now."""
        send(self._leftovers(dead), signal.SIGKILL)

    def reap_orphans(self) -> None:
        """Collect the zombies that services left to us; those of our own session are waited for by who started them."""
        for pid in self._unknown():
            row = read(pid)
            if row is None or not self._may_reap(row):
                continue
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)

    def kill_unknown(self) -> list[int]:
        """Kill what no service owns any more, at the very end. Return the pids."""
        found = [child for child in self._unknown() if self._sole or self._is_marked(child)]
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

    def _orphans(self, dead: Incarnation) -> list[int]:
        self._sessions.add(dead.pid)
        self.reap_orphans()
        return [pid for pid in self._unknown() if self._found.get(pid) == dead.instance or belongs(pid, dead)]

    def _leftovers(self, dead: Incarnation) -> list[int]:
        orphans = self._orphans(dead)
        grown = [pid for orphan in orphans for pid in descendants(orphan)]
        group = group_members(dead.pid) if dead.group_exists() else []
        left = list(dict.fromkeys((*orphans, *grown, *group)))
        self._found.update(dict.fromkeys(left, dead.instance))
        return left

    def _forget(self, dead: Incarnation) -> None:
        """Know no numbers any more of one of which nothing is left: they may soon be somebody else's."""
        self._sessions.discard(dead.pid)
        self._found = {pid: instance for pid, instance in self._found.items() if instance != dead.instance}

    async def _ports(self, dead: Incarnation) -> None:
        """Give the ports a moment; whoever holds them after that is named by the next start."""
        loop = asyncio.get_running_loop()
        until = loop.time() + PORT_SECONDS
        while not ports_free(dead) and loop.time() < until:  # noqa: ASYNC110 - the kernel tells nobody of a free port
            await asyncio.sleep(LONGEST_PAUSE)


def belongs(pid: int, dead: Incarnation) -> bool:
    """Tell whether a process came from an incarnation: by session, else by the marker."""
    row = read(pid)
    if row is None:
        return False
    if row.sid == dead.pid:
        return True
    found = environment(pid)
    return found is not None and found.get(MARKER.encode()) == dead.instance.encode()


def ports_free(dead: Incarnation) -> bool:
    """Tell whether the ports of a service can be bound again."""
    return all(bind_test(dead.spec.host, port.number) is not PortState.TAKEN for port in dead.spec.binds)


def send(pids: Collection[int], signum: int) -> None:
    """Signal processes one by one, each through a descriptor of its own."""
    for pid in pids:
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            continue
        try:
            signal.pidfd_send_signal(pidfd, signum)
            signal.pidfd_send_signal(pidfd, signal.SIGCONT)
        except (ProcessLookupError, PermissionError):
            continue
        finally:
            os.close(pidfd)
