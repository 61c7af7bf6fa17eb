"""One service's terminal: what is typed goes in, what it shows goes on into its log, where everybody reads it.

    attached terminals ──type──> master ═ slave <──> the service (its controlling terminal)
                                   │
                                   └─relay──> FIFO ──> log ──> attached terminals, log probes, `mamctl logs`

The service waits for no attached terminal: those read the log, each at its own pace. We hold the slave open too, so
that a service which closes its terminal for a moment hangs up nobody.
"""

from __future__ import annotations

import asyncio
import os
import signal
import termios
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from mamctl.runtime.relay import Relay

if TYPE_CHECKING:
    import asyncio

    from mamctl.runtime.incarnation import Ended
    from mamctl.runtime.probes.output import SinkOutput

# Rows and columns of a terminal that nobody has looked at yet.
FIRST_SIZE: Final = (24, 80)
# How long what comes is left to gather, in seconds: the eye does not notice, and a chatty service costs less.
_GATHER: Final = 0.001
_MUCH: Final = 2048
# How long until a terminal is looked at again that takes nothing more (its log's pipe is full), or that was hung up.
_AGAIN: Final = 0.002
_HUNG_UP: Final = 0.1
# IUTF8, which Python does not name: erasing takes a whole character away.
_UTF8_INPUT: Final = 0o40000 if hasattr(os, "splice") else 0


class Pair(NamedTuple):
    """The descriptors of a terminal: ours, the end of the log's pipe, and the service's side."""

    master: int
    end: int
    slave: int


def open_pair(end: int, size: tuple[int, int]) -> Pair:
    """Make a terminal of this size whose output goes to a copy of `end`. Raises OSError."""
    end = os.dup(end)
    try:
        master, slave = os.openpty()
    except OSError:
        os.close(end)
        raise
    os.set_blocking(master, False)
    termios.tcsetwinsize(slave, size)
    modes = termios.tcgetattr(slave)
    modes[0] |= _UTF8_INPUT
    termios.tcsetattr(slave, termios.TCSANOW, modes)
    return Pair(master, end, slave)


class Terminal:
    """A terminal in use; owns its pair. `generation`: whose it is. `ended`: how that one's main process ended.

    `output` is what it shows, as its log keeps it.
    """

    def __init__(self, pair: Pair, output: SinkOutput, generation: int, loop: asyncio.AbstractEventLoop) -> None:
        self.pair = pair
        self.output = output
        self.generation = generation
        self.ended: asyncio.Future[Ended] = loop.create_future()
        self._relay = Relay(pair.master, pair.end)
        self._loop = loop
        self._typists: set[asyncio.Future[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._listen()

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = termios.tcgetwinsize(self.pair.master)
        return (rows, columns)

    def resize(self, rows: int, columns: int) -> None:
        """Give it another size; who runs on it is told by SIGWINCH."""
        if not self._closed:
            termios.tcsetwinsize(self.pair.master, (rows, columns))

    def redraw(self) -> None:
        """Let a full-screen program draw again, as after a change of size; others do not notice."""
        if self._closed:
            return
        with suppress(OSError):
            os.killpg(os.tcgetpgrp(self.pair.master), signal.SIGWINCH)

    async def type(self, data: bytes) -> None:
        """Type; returns once the terminal has taken it all, or is gone. A service that does not read lets it wait."""
        rest = memoryview(data)
        while rest and not self._closed:
            try:
                rest = rest[os.write(self.pair.master, rest) :]
            except BlockingIOError:
                await self._room()
            except OSError:
                return  # hung up: there is nobody to type to

    def drain(self) -> int:
        """Pass on what waits; return the bytes."""
        return 0 if self._closed else self._relay.move()

    def end(self, how: Ended) -> None:
        """Note how the service ended."""
        if not self.ended.done():
            self.ended.set_result(how)

    def close(self) -> None:
        """Let go of it: whoever still runs on it is hung up, unless somebody else keeps it."""
        if self._closed:
            return
        self._closed = True
        self._deafen()
        self._loop.remove_writer(self.pair.master)
        self._let_type()
        self.ended.cancel()
        for descriptor in self.pair:
            os.close(descriptor)

    def _wake(self) -> None:
        """Pass on what came, and decide when to look again."""
        moved = self._relay.move()
        if moved >= _MUCH:
            return
        self._deafen()
        pause = _GATHER if moved else _HUNG_UP if self._relay.hung else _AGAIN
        self._timer = self._loop.call_later(pause, self._listen)

    def _listen(self) -> None:
        self._timer = None
        self._loop.add_reader(self.pair.master, self._wake)

    def _deafen(self) -> None:
        self._loop.remove_reader(self.pair.master)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _room(self) -> None:
        """Wait until the terminal takes more."""
        typist = self._loop.create_future()
        self._typists.add(typist)
        self._loop.add_writer(self.pair.master, self._let_type)
        try:
            await typist
        finally:
            self._typists.discard(typist)

    def _let_type(self) -> None:
        if not self._closed:
            self._loop.remove_writer(self.pair.master)
        for typist in self._typists:
            if not typist.done():
                typist.set_result(None)
