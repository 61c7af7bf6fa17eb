"""From the history to the listeners: what happens is put into supervisord's words, and waits in the pools.

Nothing is told at once: the next turn of the loop does so. So a listener holds up nobody.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mamctl.core.manifest.event_types import covers
from mamctl.core.supervisord_events import BEGUN, ENDING, Subject, Track, regrouped, subject_of, tell, ticks
from mamctl.runtime.listeners.ledger import Ledger
from mamctl.runtime.listeners.member import Member, Pipes, Standing, record_of
from mamctl.runtime.listeners.memory import Waiting, heard, remember
from mamctl.runtime.listeners.pool import Pool
from mamctl.runtime.listeners.protocol import Phase

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Iterator

    from mamctl.core.manifest.model import Manifest, ServiceSpec
    from mamctl.core.supervisord_events import Told
    from mamctl.runtime.custody import Custody
    from mamctl.runtime.history import History

_PERIOD: Final = 5
# All that the history's files can hold is read at once: each batch reads them from their beginning.
_BATCH: Final = 100_000
# How far the history was read is noted at least this often: only what is told would say so otherwise.
_STRIDE: Final = 500
SETTLE_SECONDS: Final = 2.0
_UNKNOWN: Final = "nobody knows what it was told last and what it answered: the supervisor was killed in that moment"


class House(NamedTuple):
    """What listeners live in. `warn` takes the name of a service and a sentence."""

    history: History
    custody: Custody
    home: str
    loop: asyncio.AbstractEventLoop
    warn: Callable[[str, str], None]
    clock: Callable[[], float] = time.time


class Feed:
    """Feeds all listeners of a manifest. `fresh`: it begins with the supervisor, so that all is news to them."""

    def __init__(self, house: House, manifest: Manifest, *, fresh: bool) -> None:
        self._house = house
        self._history = house.history
        self._ledger = Ledger(os.path.join(house.home, "listeners"), self._whole)
        self._memory = remember(self._ledger.read() if fresh else ())
        self._pools: dict[str, Pool] = {}
        self._subjects: dict[str, Subject] = {}
        self._server = manifest.name
        self._turning = self._ended = False
        self._noted = 0
        self._ticking: asyncio.TimerHandle | None = None
        self._waiters: list[tuple[asyncio.TimerHandle, Callable[[], None]]] = []
        if self._memory.seen is None:
            self._memory.groups = () if fresh else _groups(manifest)
        self.take(manifest)
        self._catch_up(self._history.began if fresh else self._history.last)
        self._unlisten = self._history.listen(self._hear)

    def take(self, manifest: Manifest) -> None:
        """Take another manifest: pools come, go, and ask for other events; groups that are new or gone are told."""
        self._server = manifest.name
        self._subjects |= {name: subject_of(spec) for name, spec in manifest.services.items()}
        asked = {spec.service: spec.events for spec in manifest.services.values() if spec.events}
        for name in [name for name in {**self._pools, **self._memory.pools} if name not in asked]:
            self._close_pool(name)
        for name, types in asked.items():
            self._pool(name).types = types
        before, self._memory.groups = self._memory.groups, _groups(manifest)
        if before != self._memory.groups:
            self._ledger.note("groups", names=self._memory.groups)
            self._say(regrouped(before, self._memory.groups))
        self._tick()

    def open(self, spec: ServiceSpec) -> tuple[int, int]:
        """Make the input and the output of a new listener: the ends that are its own, for the caller to close."""
        self.leave(spec.name)
        ends: list[int] = []
        try:
            ends += os.pipe()
            ends += os.pipe()
            stdin, to, back, stdout = ends
            # Kept before the spawn: a listener whose input ends would end.
            self._house.custody.keep(_kept(spec.name), [to, back])
        except OSError:
            for end in ends:
                os.close(end)
            raise
        self._admit(spec, Pipes(to, back))
        self._ledger.flush()
        return stdin, stdout

    def recall(self, spec: ServiceSpec) -> str | None:
        """Go on with a listener that an earlier supervisor started; return why that cannot be."""
        ends = self._house.custody.take(_kept(spec.name))
        standing = self._memory.standings.pop(spec.name, None)
        if len(ends) != len(Pipes._fields) or standing is None:
            for end in ends:
                os.close(end)
            self._house.custody.drop(_kept(spec.name))
            return _UNKNOWN
        self._admit(spec, Pipes(*ends), standing)
        return None

    def is_deaf(self, name: str) -> bool:
        """Tell whether a listener is told nothing any more, because it did not keep to the protocol."""
        found = [pool.members[name] for pool in self._pools.values() if name in pool.members]
        return any(member.standing.phase is Phase.UNKNOWN for member in found)

    def leave(self, name: str, *, failed: bool = False) -> None:
        """Take the last words of a listener that ended, and forget it."""
        for pool in self._pools.values():
            if member := pool.members.get(name):
                with suppress(OSError):
                    member.drain()
                pool.leave(name, failed=failed)
                self._ledger.note("left", name=name)
                self._house.custody.drop(_kept(name))

    def end(self) -> None:
        """Tell once that everything is being stopped."""
        if not self._ended:
            self._ended = True
            self._say([ENDING])

    def once_told(self, then: Callable[[], None]) -> None:
        """Call back once all was told that there is to tell, after `SETTLE_SECONDS` at the latest."""
        if not self._is_busy():
            then()
            return
        self._waiters.append((self._house.loop.call_later(SETTLE_SECONDS, self._call_back, then), then))

    def _is_busy(self) -> bool:
        return any(pool.busy for pool in self._pools.values())

    def _call_back(self, *due: Callable[[], None]) -> None:
        """Call back those whose time is over, or without a name all that wait."""
        waiters = [(timer, then) for timer, then in self._waiters if not due or then in due]
        self._waiters = [waiter for waiter in self._waiters if waiter not in waiters]
        for timer, then in waiters:
            timer.cancel()
            then()

    def flush(self) -> None:
        """Put everything where the next supervisor finds it."""
        self._ledger.flush()

    def close(self) -> None:
        """Let go of everything, for good."""
        self._unlisten()
        for timer, _ in self._waiters:
            timer.cancel()
        if self._ticking is not None:
            self._ticking.cancel()
        for pool in self._pools.values():
            pool.close()
        self._ledger.close(over=True)

    # What happens -------------------------------------------------------------------------------------------------

    def _catch_up(self, now: int) -> None:
        """Hear what happened since an earlier supervisor heard the last of it: that may not have been written down."""
        seen = now if self._memory.seen is None else min(self._memory.seen, now)
        while events := self._history.since(seen, _BATCH):
            for event in events:
                self._hear(event)
            seen = events[-1]["seq"]

    def _hear(self, event: dict[str, Any]) -> None:
        self._memory.seen = event["seq"]
        if event["type"] == "supervisor-started":
            self._say([BEGUN])
        about = self._subjects.get(event["service"] or "")
        if about is None:
            return
        before = self._memory.tracks.get(about.name, Track())
        track, told = tell(before, about, event["type"], event["data"])
        if told or track != before or event["seq"] >= self._noted + _STRIDE:
            self._memory.tracks[about.name] = track
            self._say(told, about.name)

    def _say(self, told: Iterable[Told], *tracked: str) -> None:
        """Let events wait in the pools that asked for them, and note it, with what is known of a service now."""
        new: list[tuple[str, Waiting]] = []
        for one in told:
            wanting = [pool for pool in self._pools.values() if pool.wants(one)]
            for pool in wanting:
                entry = pool.add(self._memory.serial, one)
                new.append((pool.name, Waiting(entry.serial, entry.pool_serial, one)))
            self._memory.serial += bool(wanting)
        if new or tracked:
            self._noted = self._memory.seen = self._history.began if self._memory.seen is None else self._memory.seen
            self._ledger.note(
                "heard", **heard(self._memory, new, {name: self._memory.tracks[name] for name in tracked})
            )
            self._wake()

    def _tick(self) -> None:
        """Tell the periods that began; look again when the next one does, as long as somebody asks for them."""
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None
        if not any(covers(pool.types, f"TICK_{_PERIOD}") or _asks_for_ticks(pool) for pool in self._pools.values()):
            return
        now = self._house.clock()
        self._memory.ticks, told = ticks(self._memory.ticks, now)
        self._say(told)
        self._ticking = self._house.loop.call_later(_PERIOD - now % _PERIOD, self._tick)

    # Who is told --------------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        if not self._turning:
            self._turning = True
            self._house.loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._turning = False
        self._ledger.flush()
        for pool in tuple(self._pools.values()):
            pool.dispatch(self._server)
        if self._waiters and not self._is_busy():
            self._call_back()

    def _pool(self, name: str) -> Pool:
        if name not in self._pools:
            made = Pool(name, self._ledger, loop=self._house.loop, warn=self._house.warn, wake=self._wake)
            for waiting in self._memory.pools.pop(name, {}).values():
                made.add_again(*waiting)
            made.next = self._memory.next.pop(name, made.next)
            self._pools[name] = made
            self._wake()
        return self._pools[name]

    def _close_pool(self, name: str) -> None:
        self._memory.pools.pop(name, None)
        if pool := self._pools.pop(name, None):
            for member in tuple(pool.members):
                pool.leave(member, failed=False)
                self._house.custody.drop(_kept(member))
            pool.close()
        self._ledger.note("closed", pool=name)

    def _admit(self, spec: ServiceSpec, pipes: Pipes, standing: Standing | None = None) -> None:
        pool = self._pool(spec.service)
        for end in pipes:
            os.set_blocking(end, False)
        member = Member(spec.name, pipes, self._ledger, loop=self._house.loop, take=pool.take, standing=standing)
        pool.admit(member)
        member.begin()
        self._wake()

    def _whole(self) -> Iterator[dict[str, object]]:
        """Yield the records of all that holds."""
        waiting = [
            (pool.name, Waiting(entry.serial, entry.pool_serial, entry.told))
            for pool in self._pools.values()
            for entry in pool.entries.values()
        ]
        if self._memory.seen is not None:
            yield {"type": "heard", **heard(self._memory, waiting, self._memory.tracks)}
            yield {"type": "groups", "names": self._memory.groups}
        for pool in self._pools.values():
            yield {"type": "next", "pool": pool.name, "next": pool.next}
            yield from ({"type": "member", **member.record()} for member in pool.members.values())
        # Those whose turn to be recalled has not come yet.
        for name, standing in self._memory.standings.items():
            yield {"type": "member", **record_of(name, standing or Standing(), touched=standing is None)}


def _asks_for_ticks(pool: Pool) -> bool:
    return any(name.startswith("TICK") for name in pool.types)


def _groups(manifest: Manifest) -> tuple[str, ...]:
    return tuple(dict.fromkeys(spec.service for spec in manifest.services.values()))


def _kept(name: str) -> str:
    return f"listener/{name}"
