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
from mamctl.core.events import Spawned, SpawnFailed
from mamctl.core.manifest.secrecy import Secrecy
from mamctl.core.past import as_document, past_of
from mamctl.core.supervisor import Supervisor
from mamctl.runtime.custody import NoCustody
from mamctl.runtime.errands import Errands
from mamctl.runtime.filechanges import FileChanges
from mamctl.runtime.hooks import Hooks, OwnStack
from mamctl.runtime.incarnations import Equipment, Incarnations
from mamctl.runtime.keepsake import keep_manifest, keep_manifest_soon
from mamctl.runtime.launcher import Launcher, LaunchError
from mamctl.runtime.listeners import Listeners
from mamctl.runtime.listeners.farewell import ask_to_stop
from mamctl.runtime.luck import luck
from mamctl.runtime.notify.notifications import Notifications
from mamctl.runtime.outputs import Outputs
from mamctl.runtime.portcheck import who_answers
from mamctl.runtime.probes import Prober
from mamctl.runtime.remarks import Remarks
from mamctl.runtime.schedule import Schedules
from mamctl.runtime.sockets import HeldSockets
from mamctl.runtime.surroundings import without_process
from mamctl.runtime.sweeper import Sweeper
from mamctl.runtime.terminals import Terminals
from mamctl.runtime.timers import Timers
from mamctl.runtime.watch import Watcher

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.core.events import Event
    from mamctl.core.manifest.model import Manifest
    from mamctl.runtime.custody import Custody
    from mamctl.runtime.history import History
    from mamctl.runtime.incarnation import Incarnation
    from mamctl.runtime.journal import Journal
    from mamctl.runtime.outputs import Folders

logger = logging.getLogger("mamctl")
# Orphans that end are nobody's news: collected now and then. SIGCHLD would tell of each at once, but hundreds of exits
# in one moment fill the loop's signal pipe, and a SIGTERM that comes then would be lost.
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
        self._journal, self.history = journal, history
        # A plain copy: os.environ decodes every value at each look.
        self._inherited = dict(inherited)
        self._loop = asyncio.get_running_loop()
        self._prober = Prober()
        self.sweeper = Sweeper(self._reaped_elsewhere, project=manifest.name, sole=sole)
        self._launcher = launcher or Launcher()
        self.custody = custody or NoCustody()
        self.sockets = HeldSockets(self.custody)
        remarks = Remarks(self, self._loop)
        self.outputs = Outputs(folders, self._loop, remarks.on_notice, self.custody)
        self.terminals = Terminals(self.outputs, self.custody, self._loop)
        self.notifications = self._notifications(folders.notify)
        self.home = home = os.path.dirname(folders.fifo)
        self.listeners = Listeners(history, self.custody, home=home, loop=self._loop, warn=remarks.warn)
        self.incarnations = Incarnations(
            equipment=Equipment(self.outputs, self.sockets, self.notifications, self.terminals, self.listeners),
            custody=self.custody,
            home=home,
            sweeper=self.sweeper,
            launcher=self._launcher,
            journal=journal,
            inherited=self._inherited,
            post=self.post,
            group=group,
        )
        self.errands = Errands(self.outputs, group=group, post=self.post, inherited=self._inherited)
        self.hooks = Hooks(OwnStack(self, home, self._inherited), history, group.create_task)
        self.files = FileChanges(self._loop, folders, self.post, history)
        self._events: deque[Event] = deque()
        self._pumping = False
        self._timers = Timers(self._loop, self.post)
        self.schedules = Schedules(self._loop, self.post)
        self._waiters: set[asyncio.Future[None]] = set()
        self.watcher = Watcher(self._prober, group=group, post=self.post, ask=who_answers)
        self._begin(manifest)

    def _begin(self, manifest: Manifest) -> None:
        self._take(manifest)
        keep_manifest_soon(self._loop, self.custody, lambda: self.manifest)
        self._reaping = self._loop.call_later(REAP_SECONDS, self._reap_orphans)

    def _notifications(self, folder: str) -> Notifications:
        alive = lambda: self.alive  # noqa: E731 - what runs is asked for later: it is not made yet
        return Notifications(folder, custody=self.custody, alive=alive, post=self.post, environ=self._inherited)

    @property
    def now(self) -> float:
        """Monotonic seconds, the loop's own."""
        return self._loop.time()

    @property
    def alive(self) -> Mapping[str, Incarnation]:
        """The incarnations that run, by service."""
        return self.incarnations.alive

    def post(self, event: Event) -> None:
        """Take an event; it and all that follows from it is done when this returns, unless we are in it already."""
        self._events.append(event)
        if not self._pumping:
            self._pump()

    def know(self, manifest: Manifest) -> None:
        """Take another manifest as the one that holds; the supervisor is told apart.

        The next supervisor has it before anything is done by it: what that one did not know, it would end.
        """
        keep_manifest(self.custody, manifest)
        self._take(manifest)

    def _take(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.incarnations.project = manifest.name
        self.secrecy = Secrecy(manifest.services.values(), self._inherited)
        self.history.hide = self.secrecy.tree
        self.files.take(manifest)
        self.listeners.take(manifest)

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
        """Let go of everything, for good: nobody writes to the FIFOs any more."""
        self._let_go()
        self.outputs.close_all()
        self.history.flush()

    def write_down(self) -> None:
        """Put everything where the next supervisor finds it: this process ends in the next moment."""
        self._write_down()
        self.listeners.flush()
        self.outputs.drain_all()

    def _let_go(self) -> None:
        self.watcher.close()
        self.errands.close()
        self.files.close()
        self._timers.close()
        self.schedules.close()
        self.hooks.close()
        self.listeners.close()
        self._reaping.cancel()
        self.notifications.close_all()
        self.incarnations.close()
        self.terminals.close_all()
        self.sockets.close()
        self._launcher.close()

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
        self._loop.call_soon(self._write_down)

    def _write_down(self) -> None:
        """Note for the next supervisor what is true of the services that changed, and what happened for people."""
        changed, self.supervisor.changed = self.supervisor.changed, {}
        for name in changed:
            service = self.supervisor.services.get(name)
            if service is None:
                self._journal.gone(name)
                self.outputs.close(name)
            else:
                self._journal.service(name, self.secrecy.tree(as_document(past_of(service))))
        self.history.flush()

    def _perform(self, action: act.Action) -> None:
        match action:
            case act.Spawn():
                self._spawn(action)
            case act.Signal():
                # Why is known before it is done: who finds only the deed would take it for a crash.
                self._write_down()
                ask_to_stop(self, action)
            case act.Run() | act.Cancel():
                self._send(action)
            case act.Clean():
                name, generation = action.name, action.generation
                self.errands.before(name, lambda: self.incarnations.clean(name, generation))
            case act.Attach() | act.StartProbe() | act.StopProbes():
                self._ask(action)
            case act.ArmTimer() | act.Follow():
                self._time(action)
            case act.Reconfigure():
                self.outputs.reconfigure(self.supervisor.services[action.name].run)
            case act.Announce():
                self.history.record(action.kind, action.name, action.generation, action.data)
                self.sockets.settle(action.name, self.supervisor.services)

    # Processes --------------------------------------------------------------------------------------------------

    def _spawn(self, action: act.Spawn) -> None:
        spec = self.supervisor.services[action.name].run
        # Whoever comes next must know that the time of a scheduled run was there already.
        if action.generation > 1 or spec.schedule is not None:
            self._write_down()
        try:
            born = self.incarnations.spawn(spec, action.generation)
        except LaunchError as error:
            self._events.append(
                SpawnFailed(action.name, action.generation, error.reason, error.detail, error.final, self.now, luck())
            )
            return
        self._events.append(Spawned(action.name, action.generation, born.pid, self.now))

    def _time(self, action: act.ArmTimer | act.Follow) -> None:
        if isinstance(action, act.ArmTimer):
            self._timers.arm(action)
        else:
            self.schedules.follow(action)

    def _send(self, action: act.Run | act.Cancel) -> None:
        """Run a command about a service, or end it. That it runs is known before it does."""
        if isinstance(action, act.Cancel):
            self.errands.cancel(action.name)
            return
        self._write_down()
        service = self.supervisor.services[action.name]
        self.errands.run(action, service, self.manifest.name, self.incarnations.contexts.get(action.name))

    def _ask(self, action: act.Attach | act.StartProbe | act.StopProbes) -> None:
        service = self.supervisor.services.get(action.name)
        if isinstance(action, act.StopProbes) or service is None:
            self.watcher.stop(action.name)
            return
        if service.attached:
            surroundings = without_process(service.run, self.manifest.name, self._inherited)
            self.incarnations.contexts[action.name] = surroundings
        context = self.incarnations.contexts[action.name]
        if isinstance(action, act.Attach):
            self.watcher.attach(service, context)
        else:
            self.watcher.start(action, service, context, lambda: self.incarnations.tree(action.name))

    def _reap_orphans(self) -> None:
        self.sweeper.reap_orphans()
        self.custody.reap_others([found.pid for found in self.alive.values() if found.adopted])
        self.incarnations.containment.tick()
        self._reaping = self._loop.call_later(REAP_SECONDS, self._reap_orphans)

    def _reaped_elsewhere(self) -> set[int]:
        alive = {incarnation.pid for incarnation in self.alive.values()}
        return alive | self._prober.pids | self.hooks.pids | self.errands.pids
