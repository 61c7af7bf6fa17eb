"""The hooks of all services: what waits, what is under way, and what is too much.

A hook never holds up a service or the supervisor, whatever it does:

    it hangs                      its timeout, then KILL for its whole group
    it fails                      a warning; warnings call no hooks
    its moment comes again soon   one of its kind is under way and one waits; more events fold into the one that waits.
                                  Between two beginnings lies `PAUSE` at least: a crash loop is no storm of hooks
    many moments at once          `MOST_AT_ONCE` under way, `MOST_WAITING` in the queue; beyond it they are counted, and
                                  one warning tells how many were left out
    the end of all                those of the last stops are waited for, at most as long as one of them may take
    a supervisor that dies        what waits is lost; what is under way goes on without us, and is ended by the next one
                                  when its time is over
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from mamctl.core.manifest.hooks import MOMENTS, Moment
from mamctl.core.states import State
from mamctl.runtime.hooks.errand import Errand

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping

    from mamctl.core.events import Remembered
    from mamctl.core.manifest.model import ServiceSpec
    from mamctl.runtime.history import History
    from mamctl.runtime.hooks.errand import Outfit

logger = logging.getLogger("mamctl")
MOST_AT_ONCE: Final = 8
MOST_WAITING: Final = 1000
PAUSE: Final = 1.0
REAPING: Final = 1.0
"""After its timeout, a hook has so many seconds to be gone."""


class Stack(Protocol):
    """What hooks need to know of the services."""

    @property
    def project(self) -> str:
        """The project's name."""

    @property
    def mark(self) -> str:
        """What is in the environment of each hook."""

    def specs(self) -> Iterable[ServiceSpec]:
        """Return what the manifest says of all services."""

    def spec_of(self, name: str) -> ServiceSpec | None:
        """Return what the manifest says of a service, or said of one that has just left it."""

    def outfit(self, spec: ServiceSpec) -> Outfit:
        """Return what the commands of a service run in."""

    def hide(self, text: str) -> str:
        """Return a text with every secret masked."""


class _Running(NamedTuple):
    """An errand under way."""

    errand: Errand
    task: asyncio.Task[None]


class Hooks:
    """Runs the hooks of services as the history tells what happens to them. `pids` are those of their commands."""

    def __init__(
        self, stack: Stack, history: History, spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
    ) -> None:
        self.pids: set[int] = set()
        self._stack = stack
        self._history = history
        self._spawn = spawn
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[tuple[str, Moment], Errand] = {}
        self._running: dict[tuple[str, Moment], _Running] = {}
        self._begun: dict[tuple[str, Moment], float] = {}
        # Generations that are known to have been ready before: nobody is told a second time.
        self._ready: dict[str, set[int]] = {}
        self._left_out = 0
        self._looking: asyncio.TimerHandle | None = None
        self._pause = PAUSE
        self._ending: asyncio.TimerHandle | None = None
        self._unlisten = history.listen(self._hear)

    def recall(self, found: tuple[Remembered, ...]) -> None:
        """Know who was ready under an earlier supervisor, so that it is not told again; end its hooks in their time."""
        longest = max((_allowance(spec) for spec in self._stack.specs()), default=0.0)
        if found and longest:
            self._ending = self._loop.call_later(longest + REAPING, lambda: self._spawn(self._end_leftovers()))
        for one in found:
            if one.past.state in (State.READY, State.UNHEALTHY) and not one.died:
                # One that was attached to is looked for anew, under the next number.
                self._ready[one.name] = {one.past.generation + one.past.attached}

    async def _end_leftovers(self) -> None:
        from mamctl.runtime.hooks.leftovers import end_leftovers

        try:
            await asyncio.to_thread(end_leftovers, self._stack.mark, self.pids)
        except OSError:
            logger.exception("looking for hooks that an earlier supervisor left")

    def _cancel_end_of_leftovers(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None

    async def settle(self) -> None:
        """Wait for what is under way or waits, as long as the slowest of it may take; then end the rest."""
        self._pause = 0.0
        self._look()
        errands = [*[found.errand for found in self._running.values()], *self._waiting.values()]
        until = self._loop.time() + REAPING + max([errand.allowance for errand in errands], default=0.0)
        while self._running and self._loop.time() < until:
            tasks = [found.task for found in self._running.values()]
            await asyncio.wait(tasks, timeout=until - self._loop.time(), return_when=asyncio.FIRST_COMPLETED)
            self._look()
        if self._running or self._waiting:
            count = len(self._running) + len(self._waiting)
            self._warn(None, 0, f"{count} hooks were not waited for any longer")
        if self._ending is not None:
            # An earlier supervisor's are not ours to wait for, and nothing is to be left.
            await self._end_leftovers()
        self.close()

    def close(self) -> None:
        """End all that is under way, and begin nothing any more."""
        self._unlisten()
        self._waiting.clear()
        self._cancel_look()
        self._cancel_end_of_leftovers()
        for found in self._running.values():
            found.task.cancel()

    # What happens -----------------------------------------------------------------------------------------------

    def _hear(self, event: Mapping[str, Any]) -> None:
        """Take note of an event; nothing is begun before those who hear it too have heard it."""
        moment, name = MOMENTS.get(event["type"]), event["service"]
        if moment is None or name is None:
            return
        spec = self._stack.spec_of(name)
        hooks = spec.hooks.get(moment) if spec is not None else None
        if self._was_told(moment, name, event["generation"]) or not hooks:
            return
        self._enqueue(Errand(moment, hooks, event, self._stack.project))

    def _was_told(self, moment: Moment, name: str, generation: int) -> bool:
        if moment is Moment.START:
            self._ready.pop(name, None)
        return moment is Moment.READY and generation in self._ready.pop(name, ())

    def _enqueue(self, errand: Errand) -> None:
        earlier = self._waiting.get(errand.key)
        if earlier is not None:
            errand.folded = earlier.folded + 1
        elif len(self._waiting) >= MOST_WAITING:
            self._left_out += 1
            return
        self._waiting[errand.key] = errand
        self._look_in(0.0)

    # What is done -----------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Begin what may begin, and look again when more may."""
        self._cancel_look()
        now = self._loop.time()
        soonest = None
        for key, errand in tuple(self._waiting.items()):
            if len(self._running) >= MOST_AT_ONCE:
                break
            if key in self._running:
                continue
            rest = self._begun.get(key, -PAUSE) + self._pause - now
            if rest <= 0:
                del self._waiting[key]
                self._begin(key, errand)
            else:
                soonest = rest if soonest is None else min(soonest, rest)
        if soonest is not None:
            self._look_in(soonest)
        if self._left_out and len(self._waiting) < MOST_WAITING:
            count, self._left_out = self._left_out, 0
            self._warn(None, 0, f"{count} hooks were left out: more than {MOST_WAITING} waited")

    def _begin(self, key: tuple[str, Moment], errand: Errand) -> None:
        self._begun[key] = self._loop.time()
        task = self._spawn(self._do(errand))
        self._running[key] = _Running(errand, task)
        task.add_done_callback(lambda _task: self._done(key))

    async def _do(self, errand: Errand) -> None:
        """Do one hook after the other; one that fails does not keep the others from being done."""
        from mamctl.runtime.hooks.doing import carry_out  # most stacks have no hooks

        name, _ = errand.key
        spec = self._stack.spec_of(name)
        for hook in errand.hooks if spec is not None else ():
            assert spec is not None
            came = await carry_out(hook, errand, self._stack.outfit(spec), self.pids)
            for line in came.said:
                logger.info("%s: %s says: %s", name, errand.moment, self._stack.hide(line))
            if came.failure is not None:
                last = f": {came.said[-1]}" if came.said else ""
                self._warn(name, errand.event["generation"], f"hook {errand.moment} failed: {came.failure}{last}")

    def _warn(self, name: str | None, generation: int, detail: str) -> None:
        self._history.record("warning", name, generation, {"detail": detail})
        self._loop.call_soon(self._history.flush)

    def _done(self, key: tuple[str, Moment]) -> None:
        self._running.pop(key, None)
        if self._waiting:
            self._look_in(0.0)

    def _look_in(self, seconds: float) -> None:
        if self._looking is None or self._looking.when() > self._loop.time() + seconds:
            self._cancel_look()
            self._looking = self._loop.call_later(seconds, self._look)

    def _cancel_look(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None


def _allowance(spec: ServiceSpec) -> float:
    """Return the seconds that the commands of one moment of a service may take at most."""
    times = [sum(hook.timeout for hook in some if hook.url is None) for some in spec.hooks.values()]
    return max(times, default=0.0)
