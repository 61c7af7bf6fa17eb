"""The hands of the supervisor: one queue of events with one reader, who performs what the core decides.

Everything that happens (an exit, a probe's answer, a timer, the operator's word) is posted as an event. The events are
taken one by one in the loop's thread; `Supervisor.step` says what to do, and what doing it brings is posted again. No
locks, no other writer of state.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from typing import TYPE_CHECKING

from mamctl.core import actions as act
from mamctl.core.events import Emptied, Exited, Spawned, SpawnFailed, Survivor, TimerFired
from mamctl.core.manifest.model import LogProbe
from mamctl.core.manifest.secrecy import Secrecy
from mamctl.core.states import Reason
from mamctl.core.supervisor import Supervisor
from mamctl.runtime.custody import NoCustody
from mamctl.runtime.environment import environment, new_instance
from mamctl.runtime.incarnation import Incarnation
from mamctl.runtime.launcher import Launcher, LaunchError
from mamctl.runtime.luck import luck
from mamctl.runtime.outputs import Outputs, news
from mamctl.runtime.portcheck import require_free, who_answers
from mamctl.runtime.probes import Context, Prober
from mamctl.runtime.sockets import HeldSockets
from mamctl.runtime.sweeper import Sweeper
from mamctl.runtime.watch import Watcher

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.core.events import Event
    from mamctl.core.manifest.model import Manifest, ServiceSpec
    from mamctl.runtime.custody import Custody
    from mamctl.runtime.history import History
    from mamctl.runtime.journal import Journal
    from mamctl.runtime.logs.notices import Notice
    from mamctl.runtime.outputs import Folders
    from mamctl.runtime.probes.output import SinkOutput

logger = logging.getLogger("mamctl")
# Orphans that end are nobody's news: they are collected now and then. SIGCHLD would tell of each at once, but hundreds
# of exits in one moment fill the loop's signal pipe, and a SIGTERM that comes then would be lost.
REAP_SECONDS = 10.0


class Hands:
    """Runs the services of a manifest as the core decides. Use inside a running loop and a task group."""

    def __init__(
        self,
        manifest: Manifest,
        *,
        group: asyncio.TaskGroup,
        folders: Folders,
        history: History,
        journal: Journal,
        inherited: Mapping[str, str],
        sole: bool = False,
        launcher: Launcher | None = None,
        custody: Custody | None = None,
    ) -> None:
        self.supervisor = Supervisor(manifest)
        self.history = history
        self.sweeper = Sweeper(self._reaped_elsewhere, project=manifest.name, sole=sole)
        self._journal = journal
        # A plain copy: os.environ decodes every value at each look.
        self._inherited = dict(inherited)
        self.know(manifest)
        self._launcher = launcher or Launcher()
        self.custody = custody or NoCustody()
        self.sockets = HeldSockets(self.custody)
        self._loop = asyncio.get_running_loop()
        self.outputs = Outputs(folders, self._loop, self.on_notice)
        self._group = group
        self._events: deque[Event] = deque()
        self._pumping = False
        self._alive: dict[str, Incarnation] = {}
        self._contexts: dict[str, Context] = {}
        self._dead: dict[str, Incarnation] = {}
        self._timers: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._cleaning: set[asyncio.Task[None]] = set()
        self._waiters: set[asyncio.Future[None]] = set()
        self._prober = Prober()
        self._watcher = Watcher(self._prober, group=group, post=self.post, ask=who_answers)
        self._reaping = self._loop.call_later(REAP_SECONDS, self._reap_orphans)

    @property
    def now(self) -> float:
        """Monotonic seconds, the loop's own."""
        return self._loop.time()

    @property
    def alive(self) -> Mapping[str, Incarnation]:
        """The incarnations that run, by service."""
        return self._alive

    def post(self, event: Event) -> None:
        """Take an event; it and all that follows from it is done when this returns, unless we are in it already."""
        self._events.append(event)
        if not self._pumping:
            self._pump()

    def know(self, manifest: Manifest) -> None:
        """Take a manifest as the one that holds; the supervisor is told apart."""
        self.manifest = manifest
        self.secrecy = Secrecy(manifest.services.values(), self._inherited)
        self.history.hide = self.secrecy.tree

    async def changed(self) -> None:
        """Wait until something happened."""
        waiter = self._loop.create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    def wake(self) -> None:
        """Wake everybody who waits for a change."""
        for waiter in tuple(self._waiters):
            if not waiter.done():
                waiter.set_result(None)

    def close(self) -> None:
        """Let go of timers and logs. Services that still run are left alone."""
        self._watcher.close()
        for task in self._cleaning:
            task.cancel()
        for handle in self._timers.values():
            handle.cancel()
        self._reaping.cancel()
        for incarnation in self._alive.values():
            self._loop.remove_reader(incarnation.pidfd)
            os.close(incarnation.pidfd)
        self._alive.clear()
        self.sockets.close()
        self.outputs.close_all()
        self._launcher.close()
        self.history.flush()

    # The one reader of the queue --------------------------------------------------------------------------------

    def _pump(self) -> None:
        self._pumping = True
        try:
            while self._events:
                for action in self.supervisor.step(self._events.popleft()):
                    self._perform(action)
        finally:
            self._pumping = False
        self.wake()
        self._loop.call_soon(self.history.flush)

    def _perform(self, action: act.Action) -> None:
        match action:
            case act.Spawn():
                self._spawn(action)
            case act.Signal():
                self._signal(action)
            case act.Clean():
                self._clean(action)
            case act.Attach():
                self._contexts[action.name] = self._bare_context(action.name)
                self._watcher.attach(self.supervisor.services[action.name], self._contexts[action.name])
            case act.StartProbe():
                service = self.supervisor.services[action.name]
                self._watcher.start(action, service, self._contexts[action.name], lambda: self._tree(action.name))
            case act.StopProbes():
                self._watcher.stop(action.name)
            case act.ArmTimer():
                self._arm(action)
            case act.Reconfigure():
                self.outputs.reconfigure(self.supervisor.services[action.name].run)
            case act.Announce():
                self.history.record(action.kind, action.name, action.generation, action.data)
                self.sockets.settle(action.name, self.supervisor.services)

    def _arm(self, action: act.ArmTimer) -> None:
        key = (action.name, action.timer)
        if earlier := self._timers.pop(key, None):
            earlier.cancel()
        self._timers[key] = self._loop.call_later(action.delay, self._fire, action)

    def _fire(self, action: act.ArmTimer) -> None:
        self._timers.pop((action.name, action.timer), None)
        self.post(TimerFired(action.name, action.timer, action.token, self.now))

    # Processes --------------------------------------------------------------------------------------------------

    def _spawn(self, action: act.Spawn) -> None:
        spec = self.supervisor.services[action.name].run
        try:
            born = self._launch(spec, action.generation)
        except LaunchError as error:
            self._events.append(
                SpawnFailed(action.name, action.generation, error.reason, error.detail, error.final, self.now, luck())
            )
            return
        self._alive[action.name] = born
        self._loop.add_reader(born.pidfd, self._exited, action.name)
        self._journal.spawned(spec.name, born.generation, born.pid)
        self._events.append(Spawned(action.name, action.generation, born.pid, self.now))

    def _launch(self, spec: ServiceSpec, generation: int) -> Incarnation:
        for port in spec.binds:
            self._require_free(spec.host, port.number)
        sockets = self.sockets.open(spec, self._require_free)
        instance = new_instance(self.manifest.name, spec.name)
        self._journal.intent(spec.name, generation, instance)
        env = environment(spec, self.manifest.name, self._inherited, instance)
        try:
            ends = self.outputs.child_ends(spec, generation)
        except OSError as error:
            why = f"its log {error.filename or ''} cannot be opened: {os.strerror(error.errno or 0).lower()}"
            raise LaunchError(Reason.SPAWN_FAILED, why, final=True) from None
        try:
            launched = self._launcher.launch(
                spec.argv, cwd=spec.cwd, env=env, stdout=ends[0], stderr=ends[-1], sockets=sockets
            )
        finally:
            for end in ends:
                os.close(end)
        self._contexts[spec.name] = Context(env=env, cwd=spec.cwd, outputs=self._read_by_probes(spec))
        return Incarnation(spec, generation, instance, launched)

    def _require_free(self, host: str, port: int) -> None:
        require_free(host, port, self.manifest.name, self._alive.values, self.sockets.holder)

    def _read_by_probes(self, spec: ServiceSpec) -> list[SinkOutput]:
        reads = any(probe is not None and isinstance(probe.check, LogProbe) for probe in (spec.ready, spec.live))
        return self.outputs.readable(spec) if reads else []

    def _exited(self, name: str) -> None:
        dead = self._alive[name]
        pidfd = dead.pidfd
        ended = dead.reap()
        if ended is None:
            return
        self._loop.remove_reader(pidfd)
        del self._alive[name]
        self._dead[name] = dead
        self.outputs.drain(name)
        self.sockets.rest(name)
        self._journal.ended(name, dead.generation, ended.code, ended.signal)
        self.post(Exited(name, dead.generation, ended.code, ended.signal, self.now, luck()))

    def _signal(self, action: act.Signal) -> None:
        found = self._alive.get(action.name)
        if found is not None and found.generation == action.generation:
            found.send(action.signal)

    def _clean(self, action: act.Clean) -> None:
        dead = self._dead[action.name]
        if self.sweeper.is_clean(dead):
            self._emptied(dead, ())
            return
        task = self._group.create_task(self._clean_slowly(dead))
        self._cleaning.add(task)
        task.add_done_callback(self._cleaning.discard)

    async def _clean_slowly(self, dead: Incarnation) -> None:
        try:
            survivors = await self.sweeper.clean(dead)
        except OSError as error:
            logger.exception("cleaning up after %s", dead.spec.name)
            survivors = (Survivor(dead.pid, f"unknown: {error}"),)
        self._emptied(dead, survivors)

    def _emptied(self, dead: Incarnation, survivors: tuple[Survivor, ...]) -> None:
        self.outputs.drain(dead.spec.name)
        self.post(Emptied(dead.spec.name, dead.generation, self.now, survivors, luck()))

    def _reap_orphans(self) -> None:
        self.sweeper.reap_orphans()
        self._reaping = self._loop.call_later(REAP_SECONDS, self._reap_orphans)

    def _reaped_elsewhere(self) -> set[int]:
        return {incarnation.pid for incarnation in self._alive.values()} | self._prober.pids

    def _tree(self, name: str) -> list[int]:
        found = self._alive.get(name)
        return [] if found is None else [*self.sweeper.family(found), *self.sockets.owners(name)]

    def _bare_context(self, name: str) -> Context:
        """Return the surroundings for asking about a service that has no process of ours."""
        run = self.supervisor.services[name].run
        return Context(env=environment(run, self.manifest.name, self._inherited, "probe"), cwd=run.cwd)

    def on_notice(self, name: str, notice: Notice) -> None:
        """Tell what a log sink reports: lines dropped, a file reset."""
        service = self.supervisor.services.get(name)
        kind, data = news(notice)
        self.history.record(kind, name, service.generation if service else 0, data)
        self._loop.call_soon(self.history.flush)
