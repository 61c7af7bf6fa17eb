"""The listeners of one service, and what they have still to be told: each event is told to one of them.

it never answers      nobody else waits for it; the others of its pool get what comes
all are slow          `BUFFERED` events wait; then the oldest is dropped, and a warning says so
it answers FAIL,      the event is told again, to whoever is free first: after 0.1, 0.2, 0.4 ... s, and after
or dies meanwhile     `MOST_TRIES` times it is dropped, with a warning
it says nonsense      it is told nothing more until it is started again, and its log says why
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from mamctl.core.manifest.event_types import BUFFERED, covers
from mamctl.runtime.listeners.protocol import Phase, envelope

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from mamctl.core.supervisord_events import Told
    from mamctl.runtime.listeners.ledger import Ledger
    from mamctl.runtime.listeners.member import Member
    from mamctl.runtime.listeners.protocol import Heard

MOST_TRIES: Final = 10
FIRST_PAUSE: Final = 0.1
# Between two warnings about a buffer that is full.
WARN_SECONDS: Final = 60.0


@dataclass(slots=True)
class Entry:
    """One event for this pool. `holder`: who is being told it; `tries`: how often that failed."""

    serial: int
    pool_serial: int
    told: Told
    holder: str | None = None
    tries: int = 0


class Pool:
    """Tells events to listeners, the oldest first. `warn` takes a listener's name, or the pool's, and a sentence."""

    def __init__(
        self,
        name: str,
        ledger: Ledger,
        *,
        loop: asyncio.AbstractEventLoop,
        warn: Callable[[str, str], None],
        wake: Callable[[], None],
    ) -> None:
        self.name = name
        self.types: tuple[str, ...] = ()
        self.entries: dict[int, Entry] = {}
        self.members: dict[str, Member] = {}
        self.next = 0
        self._ledger = ledger
        self._loop = loop
        self._warn = warn
        self._wake = wake
        self._resume_at = 0.0
        self._resuming: asyncio.TimerHandle | None = None
        self._dropped = 0
        self._warn_again_at = 0.0

    @property
    def busy(self) -> bool:
        """Whether something waits, or is being told, and there is somebody who may answer."""
        return bool(self.entries) and any(one.standing.phase is not Phase.UNKNOWN for one in self.members.values())

    def wants(self, told: Told) -> bool:
        """Tell whether it asked for events of this type."""
        return covers(self.types, told.type)

    def add(self, serial: int, told: Told) -> Entry:
        """Let an event wait; the oldest one that nobody is being told goes when there are too many."""
        entry = self.entries[serial] = Entry(serial, self.next, told)
        self.next += 1
        if len(self.entries) > BUFFERED:
            self._overflow()
        return entry

    def add_again(self, serial: int, pool_serial: int, told: Told) -> None:
        """Let an event wait that waited under an earlier supervisor."""
        self.entries[serial] = Entry(serial, pool_serial, told)
        self.next = pool_serial + 1

    def admit(self, member: Member) -> None:
        """Have one listener more; one that an earlier supervisor told something is being told that."""
        self.members[member.name] = member
        serial = member.standing.serial
        if serial is not None and serial in self.entries:
            self.entries[serial].holder = member.name

    def dispatch(self, server: str) -> None:
        """Tell what waits to who is free."""
        if self._loop.time() < self._resume_at:
            return
        free = [member for member in self.members.values() if member.free]
        for member, entry in zip(free, tuple(islice(self._waiting(), len(free))), strict=False):
            self._tell(member, entry, server)

    def take(self, member: Member, heard: Heard) -> None:
        """Do what a listener's words mean."""
        serial = member.standing.serial
        entry = self.entries.get(serial) if serial is not None else None
        if entry is not None and heard.done is not None:
            self._done(entry) if heard.done else self._failed(entry, f"{member.name} did not manage it")
        if heard.wrong is not None:
            self._unfit(member, heard.wrong)
        self._wake()

    def leave(self, name: str, *, failed: bool) -> None:
        """Forget a listener that ended; `failed`: what it was being told counts as not managed."""
        member = self.members.pop(name, None)
        if member is None:
            return
        member.close()
        for entry in [entry for entry in self.entries.values() if entry.holder == name]:
            self._failed(entry, f"{name} ended") if failed else self._let_go(entry)
        self._wake()

    def close(self) -> None:
        """Let go of its listeners; what they are doing is not touched."""
        for member in self.members.values():
            member.close()
        if self._resuming is not None:
            self._resuming.cancel()

    def _waiting(self) -> Iterator[Entry]:
        return (entry for entry in self.entries.values() if entry.holder is None)

    def _tell(self, member: Member, entry: Entry, server: str) -> None:
        entry.holder = member.name
        data = envelope(entry.told, server=server, serial=entry.serial, pool=self.name, pool_serial=entry.pool_serial)
        if not member.tell(entry.serial, data):
            self._let_go(entry)
            self._wake()

    def _unfit(self, member: Member, why: str) -> None:
        self._warn(member.name, f"{why}, so it is told no more events until it is started again")

    def _done(self, entry: Entry) -> None:
        self.entries.pop(entry.serial, None)
        self._ledger.note("gone", pool=self.name, serial=entry.serial)

    def _let_go(self, entry: Entry) -> None:
        entry.holder = None

    def _failed(self, entry: Entry, why: str) -> None:
        entry.tries += 1
        self._let_go(entry)
        if entry.tries < MOST_TRIES:
            self._pause(FIRST_PAUSE * 2 ** (entry.tries - 1))
            return
        self._done(entry)
        detail = f"{entry.told.type} ({entry.told.payload.strip()}) was told {entry.tries} times without success"
        self._warn(self.name, f"{detail}, last because {why}: it is dropped")

    def _pause(self, seconds: float) -> None:
        """Tell nothing for a while; what waits keeps its order."""
        self._resume_at = max(self._resume_at, self._loop.time() + seconds)
        if self._resuming is not None:
            self._resuming.cancel()
        self._resuming = self._loop.call_at(self._resume_at, self._resume)

    def _resume(self) -> None:
        # The loop may be a moment early.
        self._resume_at = 0.0
        self._wake()

    def _overflow(self) -> None:
        oldest = next(self._waiting(), None)
        if oldest is None:
            return
        self._done(oldest)
        self._dropped += 1
        # Of one that nobody has started there is nothing to say.
        if self.members and self._loop.time() >= self._warn_again_at:
            self._warn_again_at = self._loop.time() + WARN_SECONDS
            detail = f"{BUFFERED:,} events wait for it, so the oldest are dropped ({self._dropped} so far)"
            self._warn(self.name, f"{detail}: it does not answer, or is slower than what happens")
