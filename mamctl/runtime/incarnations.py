"""The processes of the services: started, adopted, signalled, cleaned up after. What happens to them is posted."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
from typing import TYPE_CHECKING, NamedTuple

from mamctl.core.events import Emptied, Exited, Survivor
from mamctl.core.manifest.model import LogProbe
from mamctl.core.states import Reason
from mamctl.runtime.accounts import command_of, lend, prefix, standing_prefix
from mamctl.runtime.containment import Containment
from mamctl.runtime.crashpoints import crash_point
from mamctl.runtime.endwatch import EndWatch
from mamctl.runtime.environment import environment, new_instance
from mamctl.runtime.incarnation import Incarnation, ended
from mamctl.runtime.launcher import Launched, LaunchError
from mamctl.runtime.luck import luck
from mamctl.runtime.portcheck import require_free
from mamctl.runtime.probes import Context
from mamctl.runtime.processes import identity_of
from mamctl.runtime.processes.pinned import NONE, unpin
from mamctl.runtime.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mamctl.core.actions import Signal
    from mamctl.core.events import Event
    from mamctl.core.manifest.model import ServiceSpec
    from mamctl.runtime.custody import Custody
    from mamctl.runtime.incarnation import Ended
    from mamctl.runtime.journal import Journal
    from mamctl.runtime.launcher import Launcher
    from mamctl.runtime.listeners import Listeners
    from mamctl.runtime.notify.notifications import Notifications
    from mamctl.runtime.outputs import Outputs
    from mamctl.runtime.probes.output import SinkOutput
    from mamctl.runtime.sockets import HeldSockets
    from mamctl.runtime.sweeper import Sweeper
    from mamctl.runtime.terminals import Terminals


logger = logging.getLogger("mamctl")
# What is used up may be there again in a moment.
EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOSPC, errno.EDQUOT})
LOOK_AGAIN = 0.5


class Equipment(NamedTuple):
    """What a process is given: where its output goes, held sockets, a way to say it is ready, a terminal, events."""

    outputs: Outputs
    sockets: HeldSockets
    notifications: Notifications
    terminals: Terminals
    listeners: Listeners


class Incarnations:
    """Owns every incarnation. `alive`: those that run, by service; `contexts`: the surroundings of their probes."""

    def __init__(
        self,
        *,
        equipment: Equipment,
        custody: Custody,
        home: str,
        sweeper: Sweeper,
        launcher: Launcher,
        journal: Journal,
        inherited: Mapping[str, str],
        post: Callable[[Event], None],
        group: asyncio.TaskGroup,
    ) -> None:
        self.project = ""
        self.alive: dict[str, Incarnation] = {}
        self.contexts: dict[str, Context] = {}
        self._dead: dict[str, Incarnation] = {}
        self._outputs, self._sockets, self._notifications, self._terminals, self._listeners = equipment
        self._reap = custody.reap
        self._home = home
        self._runs = Runs()
        self._sweeper = sweeper
        self._launcher = launcher
        self._journal = journal
        self._inherited = inherited
        self._post = post
        self._group = group
        self._loop = asyncio.get_running_loop()
        self._ends = EndWatch(self._loop)
        self._cleaning: set[asyncio.Task[None]] = set()
        self.containment = Containment(
            loop=self._loop, group=group, alive=self.alive.values, family=sweeper.family, post=post
        )

    def spawn(self, spec: ServiceSpec, generation: int) -> Incarnation:
        """Start a new incarnation. Raises LaunchError."""
        try:
            born = self._launch(spec, generation)
        except LaunchError:
            self._not_born(spec.name)
            raise
        except OSError as error:
            self._not_born(spec.name)
            raise LaunchError(Reason.SPAWN_FAILED, _plainly(error), final=False) from None
        crash_point("after_spawn")
        self.alive[spec.name] = born
        self._ends.follow(born, lambda: self._exited(spec.name))
        try:
            identity = identity_of(born.pid, born.pidfd)
        except OSError:
            identity = None  # no descriptors left to look; its mark tells the next supervisor who it is
        self._journal.spawned(spec.name, generation, born.pid, identity)
        crash_point("after_journal")
        self.containment.hold(born)
        return born

    def adopt(self, spec: ServiceSpec, generation: int, instance: str, leader: Launched) -> str | None:
        """Take over a process that an earlier supervisor started; return why it cannot go on nevertheless."""
        crash_point("mid_adopt")
        found = Incarnation(spec, generation, instance, leader, ask=self._reap)
        self._outputs.recall(spec)
        self._terminals.recall(spec, generation)
        self._sockets.recall(spec, found.pidfd)
        self._notifications.adopt(found)
        env = environment(spec, self.project, self._inherited, instance)
        outputs = self._read_by_probes(spec, recalled=generation)
        self.contexts[spec.name] = Context(env=env, cwd=spec.cwd, prefix=standing_prefix(spec.account), outputs=outputs)
        self.alive[spec.name] = found
        self._ends.follow(found, lambda: self._exited(spec.name))
        self.containment.hold(found)
        return self._listeners.recall(spec)

    def bury(self, spec: ServiceSpec, generation: int, instance: str, leader: Launched) -> Ended:
        """Know one that died while nobody watched, so that it can be cleaned up after; return how, if anybody knows."""
        self._terminals.bury(spec.name)
        self._listeners.bury(spec)
        dead = self._dead[spec.name] = Incarnation(spec, generation, instance, leader, ask=self._reap)
        self.containment.recognise(dead)
        how = None if leader.pidfd == NONE else dead.reap()
        dead.reaped = True
        dead.release()
        return ended(self._reap(leader.pid)) if how is None else how

    def signal(self, action: Signal) -> None:
        """Signal the group of a service, if that incarnation still runs."""
        found = self.alive.get(action.name)
        if found is not None and found.generation == action.generation:
            found.asked_at = found.asked_at or self._loop.time()
            found.send(action.signal)
            crash_point("mid_stop")

    def clean(self, name: str, generation: int) -> None:
        """See that nothing is left of the last incarnation of a service; `Emptied` follows."""
        dead = self._dead.get(name)
        if dead is None:
            # A damaged journal has its stop and not its spawn: there is nobody to look for.
            self._post(Emptied(name, generation, self._loop.time(), (), luck()))
            return
        # Whoever cannot look has not seen that nothing is left: it is looked at again, in its own time.
        with contextlib.suppress(OSError):
            if self._sweeper.is_clean(dead):
                self._emptied(dead, ())
                return
        task = self._group.create_task(self._clean_slowly(dead))
        self._cleaning.add(task)
        task.add_done_callback(self._cleaning.discard)

    def tree(self, name: str) -> list[int]:
        """Return whose listeners are a service's: its processes, and who holds its sockets."""
        found = self.alive.get(name)
        return [] if found is None else [*self._sweeper.family(found), *self._sockets.owners(name)]

    def close(self) -> None:
        """Let go of them; those that still run are left alone."""
        for task in self._cleaning:
            task.cancel()
        for incarnation in self.alive.values():
            self._ends.leave(incarnation)
            unpin(incarnation.pidfd)
        self.alive.clear()
        self.containment.close()

    def _launch(self, spec: ServiceSpec, generation: int) -> Incarnation:
        for port in spec.binds:
            self._require_free(spec.host, port.number)
        self.containment.admit(spec)
        sockets = self._sockets.open(spec, self._require_free)
        instance = new_instance(self.project, spec.name, self._home)
        self._journal.intent(spec.name, generation, instance, self._runs.of(spec))
        crash_point("after_intent")
        env = environment(spec, self.project, self._inherited, instance)
        argv = command_of(spec, spec.argv, env)
        ends = ours = self._child_ends(spec, generation)
        try:
            outfit = self._notifications.open(spec, generation)
            ours = (*ends, *outfit.descriptors.values())
            env.update(outfit.env)
            spoken = self._listeners.open(spec)
            if spoken is not None:
                ours = (*ours, *spoken)
                env.update(self._listeners.variables(spec))
            lend(spec.account, (*ends, *(spoken or ())))
            launched = self._launcher.launch(
                argv,
                cwd=spec.cwd,
                env=env,
                stdin=spoken.stdin if spoken else None,
                stdout=spoken.stdout if spoken else ends[0],
                stderr=ends[-1],
                sockets=sockets,
                descriptors=outfit.descriptors,
                terminal=self._terminals.open(spec, generation, ends[0]),
            )
        finally:
            for end in ours:
                os.close(end)
        self.contexts[spec.name] = Context(
            env=env, cwd=spec.cwd, prefix=prefix(spec.account), outputs=self._read_by_probes(spec)
        )
        return Incarnation(spec, generation, instance, launched)

    def _child_ends(self, spec: ServiceSpec, generation: int) -> tuple[int, ...]:
        try:
            return self._outputs.child_ends(spec, generation)
        except OSError as error:
            why = f"its log {error.filename or ''} cannot be opened: {_plainly(error)}"
            raise LaunchError(Reason.SPAWN_FAILED, why, final=error.errno not in EXHAUSTED) from None

    def _require_free(self, host: str, port: int) -> None:
        require_free(host, port, (self.project, self._home), self.alive.values, self._sockets.holder)

    def _read_by_probes(self, spec: ServiceSpec, *, recalled: int | None = None) -> list[SinkOutput]:
        reads = any(probe is not None and isinstance(probe.check, LogProbe) for probe in (spec.ready, spec.live))
        return self._outputs.readable(spec, recalled=recalled) if reads else []

    def _exited(self, name: str) -> None:
        dead = self.alive[name]
        ended = dead.reap()
        if ended is None:
            return
        # While another of its descriptors is open, as for the thread that moves it into its group, epoll would go on to
        # tell of one that was closed without leaving it: under a number that is somebody else's by then.
        self._ends.leave(dead)
        dead.release()
        del self.alive[name]
        self._dead[name] = dead
        self._terminals.end(name, ended)
        self._outputs.drain(name)
        self._listeners.leave(name)
        self._sockets.rest(name)
        self._journal.ended(name, dead.generation, ended.code, ended.signal)
        shortage = self.containment.shortage(dead, ended)
        self._post(Exited(name, dead.generation, ended.code, ended.signal, self._loop.time(), luck(), shortage))

    async def _clean_slowly(self, dead: Incarnation) -> None:
        try:
            survivors = await self._sweep(dead)
        except OSError as error:
            logger.exception("cleaning up after %s", dead.spec.name)
            survivors = (Survivor(dead.pid, f"unknown: {error}"),)
        self._emptied(dead, survivors)

    async def _sweep(self, dead: Incarnation) -> tuple[Survivor, ...]:
        """Clean up; without descriptors or memory to look, wait until there are some: nothing may start before."""
        while True:
            try:
                return await self._sweeper.clean(dead)
            except OSError as error:
                if error.errno not in EXHAUSTED:
                    raise
                logger.warning("cannot clean up after %s yet: %s", dead.spec.name, _plainly(error))
            await asyncio.sleep(LOOK_AGAIN)

    def _not_born(self, name: str) -> None:
        self._listeners.leave(name)
        self._notifications.close(name)
        self._terminals.close(name)

    def _emptied(self, dead: Incarnation, survivors: tuple[Survivor, ...]) -> None:
        self._terminals.drain(dead.spec.name)
        self._outputs.drain(dead.spec.name)
        self._notifications.close(dead.spec.name)
        self._terminals.close(dead.spec.name)
        self.containment.let_go(dead)
        self._post(Emptied(dead.spec.name, dead.generation, self._loop.time(), survivors, luck()))


def _plainly(error: OSError) -> str:
    return os.strerror(error.errno or 0).lower()
