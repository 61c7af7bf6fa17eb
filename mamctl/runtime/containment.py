"""What holds a service's processes together and within their limits: control groups, memory, the kernel's kills."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

from mamctl.core.events import OverMemory, Shortage
from mamctl.core.exits import SHELL_KILLED
from mamctl.runtime import limits
from mamctl.runtime.memory import MemoryWatch
from mamctl.runtime.oom import OomCount
from mamctl.runtime.placement import Placement

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

    from mamctl.core.events import Event
    from mamctl.core.manifest.model import ServiceSpec
    from mamctl.runtime.cgroups import Groups
    from mamctl.runtime.incarnation import Ended, Incarnation


class Containment:
    """Accompanies incarnations from before the spawn until nothing is left of them."""

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        group: asyncio.TaskGroup,
        alive: Callable[[], Iterable[Incarnation]],
        family: Callable[[Incarnation], list[int]],
        post: Callable[[Event], None],
    ) -> None:
        self._loop = loop
        self._post = post
        self._placement = Placement(loop)
        self._oom = OomCount()
        self._memory = MemoryWatch(loop, group, alive=alive, family=family, over=self._over)

    def use(self, groups: Groups | None) -> None:
        """Put the services that are started from now on into control groups."""
        self._placement.groups = groups

    def admit(self, spec: ServiceSpec) -> None:
        """See that its limits can be set. Raises LaunchError."""
        limits.admit(spec.limits)

    def hold(self, found: Incarnation) -> None:
        """Hold one that was just spawned, or adopted; one that has its limits and its group already keeps them."""
        if not found.adopted:
            limits.apply(found.spec.limits, found.pid)
        self._placement.join(found)
        if found.spec.limits.memory is not None:
            self._memory.wake()

    def recognise(self, dead: Incarnation) -> None:
        """Know the group of one that ended before we came."""
        groups = self._placement.groups
        with contextlib.suppress(OSError):
            dead.control = groups.left_by(dead.instance) if groups is not None else None

    def shortage(self, dead: Incarnation, ended: Ended) -> Shortage | None:
        """Tell whether want of memory is why it ended: the count of its own group, else that of the machine."""
        if dead.killed or (ended.signal != signal.SIGKILL and ended.code != SHELL_KILLED):
            return None
        known = None
        with contextlib.suppress(OSError):  # the exit is told, also when no descriptor is left to look why
            known = dead.control.shortage() if dead.control is not None else None
        counted = self._oom.claim()
        return known or (Shortage.MACHINE if counted else None)

    def let_go(self, dead: Incarnation) -> None:
        """Take its group away: nothing is left of it."""
        self._placement.leave(dead)

    def tick(self) -> None:
        """Do what is due now and then."""
        self._oom.tick()
        self._placement.tidy()

    def close(self) -> None:
        """Let go of everything; what runs keeps its group."""
        self._memory.close()
        self._placement.close()

    def _over(self, found: Incarnation, used: int) -> None:
        self._post(OverMemory(found.spec.name, found.generation, used, self._loop.time()))
