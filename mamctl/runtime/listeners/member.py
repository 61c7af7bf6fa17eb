"""One listener: the pipes to its input and from its output, and what it is doing.

Before anything is written to it or read from it the ledger has a note that it is being `touched`, and afterwards one of
what came of it. So the next supervisor knows exactly where they stand; only of one that was killed in between, within
microseconds, nobody knows, and that listener is restarted.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from mamctl.runtime.crashpoints import crash_point
from mamctl.runtime.listeners.protocol import Heard, Phase, hear

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from mamctl.runtime.listeners.ledger import Ledger

_CHUNK: Final = 65_536
# Of a listener that ends its words are read in so many turns at most.
_LAST_TURNS: Final = 16
# Who closes its input or output and is still there after this many seconds is no listener any more.
DEAF_SECONDS: Final = 1.0
# What one says that is told nothing any more is read so seldom: who never stops talking must not keep us busy.
IDLE_SECONDS: Final = 0.1


class Pipes(NamedTuple):
    """Our ends of a listener's input and output."""

    to: int
    back: int


class Standing(NamedTuple):
    """Where we stand with a listener: what it is doing, the serial number of what it was told, words half said."""

    phase: Phase = Phase.ACKNOWLEDGED
    serial: int | None = None
    words: bytes = b""


def record_of(name: str, standing: Standing, *, touched: bool) -> dict[str, object]:
    """Return where we stand with a listener, as the ledger has it."""
    phase, serial, words = standing
    about = {"name": name, "phase": phase.value, "serial": serial, "words": words.decode("latin-1")}
    return {**about, "touched": touched}


class Member:
    """Listens to a listener's words from its `begin` on, and gives what they mean to `take`."""

    def __init__(
        self,
        name: str,
        pipes: Pipes,
        ledger: Ledger,
        *,
        loop: asyncio.AbstractEventLoop,
        take: Callable[[Member, Heard], None],
        standing: Standing | None = None,
    ) -> None:
        self.name = name
        self.standing = standing or Standing()
        self._pipes = pipes
        self._ledger = ledger
        self._loop = loop
        self._take = take
        self._deaf: asyncio.TimerHandle | None = None
        self._resting: asyncio.TimerHandle | None = None

    @property
    def free(self) -> bool:
        """Whether it can be told something."""
        return self.standing.phase is Phase.READY and self._deaf is None

    def begin(self) -> None:
        """Listen to it."""
        self.note()
        self._loop.add_reader(self._pipes.back, self._read)

    def tell(self, serial: int, envelope: bytes) -> bool:
        """Write an event to its input; False when that cannot be, and then it is not free any more."""
        self._touch()
        try:
            written = os.write(self._pipes.to, envelope)
            crash_point("mid_tell")
        except BlockingIOError:
            written = 0
        except OSError:
            # It ends, most probably, and then nothing is wrong.
            self._stand(self.standing)
            self._suspect("it closed its input")
            return False
        if written < len(envelope):
            self._fail("it has not read what it was told before")
            return False
        self._stand(Standing(Phase.BUSY, serial))
        return True

    def drain(self) -> None:
        """Take the last words of one that has ended."""
        for _ in range(_LAST_TURNS):
            if not self._hear_some():
                return

    def note(self) -> None:
        """Note where we stand."""
        self._ledger.note("member", **self.record())

    def record(self, *, touched: bool = False) -> dict[str, object]:
        """Return where we stand, as the ledger has it."""
        return record_of(self.name, self.standing, touched=touched)

    def close(self) -> None:
        """Let go of it."""
        self._hush()
        for end in self._pipes:
            os.close(end)

    def _hush(self) -> None:
        self._loop.remove_reader(self._pipes.back)
        for timer in (self._deaf, self._resting):
            if timer is not None:
                timer.cancel()

    def _touch(self) -> None:
        self._ledger.note("member", **self.record(touched=True))
        self._ledger.flush()

    def _stand(self, standing: Standing) -> None:
        self.standing = standing
        self.note()
        self._ledger.flush()

    def _read(self) -> None:
        if self._hear_some() is False:
            self._loop.remove_reader(self._pipes.back)
            self._suspect("it closed its output")
        elif self.standing.phase is Phase.UNKNOWN:
            back = self._pipes.back
            self._loop.remove_reader(back)
            self._resting = self._loop.call_later(IDLE_SECONDS, self._loop.add_reader, back, self._read)

    def _suspect(self, why: str) -> None:
        if self._deaf is None and self.standing.phase is not Phase.UNKNOWN:
            self._deaf = self._loop.call_later(DEAF_SECONDS, self._fail, why)

    def _fail(self, why: str) -> None:
        if self.standing.phase is not Phase.UNKNOWN:
            done = None if self.standing.serial is None else False
            self._take(self, Heard(Phase.UNKNOWN, b"", done, why))
            self._stand(Standing(Phase.UNKNOWN))

    def _hear_some(self) -> bool | None:
        """Read some words and do what they say; False at their end, None while there are none."""
        if self.standing.phase is Phase.UNKNOWN:
            words = self._some()
            return None if words is None else bool(words)
        self._touch()
        words = self._some()
        if words is None:
            self._stand(self.standing)
            return None
        crash_point("mid_hear")
        self._understand(self.standing.words + words)
        return bool(words)

    def _some(self) -> bytes | None:
        try:
            return os.read(self._pipes.back, _CHUNK)
        except BlockingIOError:
            return None

    def _understand(self, words: bytes) -> None:
        """Take what the words mean, one after the other; it is noted together with where that leads to."""
        phase, serial, _ = self.standing
        while words:
            heard = hear(phase, words)
            if heard.phase is phase and heard.rest == words:
                break
            if heard.wrong is not None and phase is Phase.BUSY:
                heard = heard._replace(done=False)
            self._take(self, heard)
            serial = serial if heard.phase is Phase.BUSY else None
            phase, words = heard.phase, heard.rest
        self._stand(Standing(phase, serial, words))
