"""The terminals of services with `tty: true`: a new one for each incarnation, kept by the guardian over our death."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from mamctl.core.errors import NoTerminalError, NotRunningError
from mamctl.core.states import Reason
from mamctl.runtime.accounts import lend
from mamctl.runtime.launcher import LaunchError
from mamctl.runtime.relay import Relay
from mamctl.runtime.terminal import FIRST_SIZE, Pair, Terminal, open_pair

if TYPE_CHECKING:
    import asyncio

    from mamctl.core.manifest.model import ServiceSpec
    from mamctl.runtime.custody import Custody
    from mamctl.runtime.incarnation import Ended
    from mamctl.runtime.outputs import Outputs

# At the end of a service its terminal is emptied in so many turns at most: what it left behind may go on writing.
_LAST_TURNS: Final = 64


class Terminals:
    """Owns every terminal."""

    def __init__(self, outputs: Outputs, custody: Custody, loop: asyncio.AbstractEventLoop) -> None:
        self._outputs = outputs
        self._custody = custody
        self._loop = loop
        self._open: dict[str, Terminal] = {}
        self._sizes: dict[str, tuple[int, int]] = {}

    def open(self, spec: ServiceSpec, generation: int, end: int) -> str | None:
        """Make the terminal of a new incarnation, which writes to a copy of `end`; return its path.

        None for a service without one. Raises LaunchError.
        """
        if not spec.tty:
            return None
        self.close(spec.name)
        try:
            pair = open_pair(end, self._sizes.get(spec.name, FIRST_SIZE))
        except OSError as error:
            why = f"its terminal cannot be made: {os.strerror(error.errno or 0).lower()}"
            raise LaunchError(Reason.SPAWN_FAILED, why, final=False) from None
        self._hold(spec, generation, pair)
        lend(spec.account, [pair.slave])
        # Kept before the spawn: a terminal whose last holder dies hangs up who runs on it.
        self._custody.keep(_name(spec.name), pair, {"terminal": True})
        return os.ttyname(pair.slave)

    def recall(self, spec: ServiceSpec, generation: int) -> None:
        """Take the terminal that an earlier supervisor made; the service's outputs are recalled already."""
        found = self._custody.take(_name(spec.name))
        if len(found) == len(Pair._fields):
            self._hold(spec, generation, Pair(*found), recalled=generation)
            return
        for descriptor in found:
            os.close(descriptor)

    def bury(self, name: str) -> None:
        """Let go of the terminal of one that died while nobody watched; what it still holds goes the usual way."""
        found = self._custody.take(_name(name))
        if len(found) == len(Pair._fields):
            pair = Pair(*found)
            Relay(pair.master, pair.end).move()
        for descriptor in found:
            os.close(descriptor)
        if found:
            self._custody.drop(_name(name))

    def of(self, spec: ServiceSpec, *, alive: bool) -> Terminal:
        """Return the terminal of a service, `alive` if it runs. Raises NoTerminalError and NotRunningError."""
        found = self._open.get(spec.name)
        if found is not None and not found.ended.done():
            return found
        if not spec.tty:
            raise NoTerminalError(
                f"{spec.name} has no terminal of its own",
                f"write `tty: true` in its entry; `mamctl logs -f {spec.name}` shows what it writes",
            )
        if alive:
            why = f"the terminal of {spec.name} was lost with the supervisor that made it"
            raise NoTerminalError(why, f"`mamctl restart {spec.name}` gives it a new one")
        raise NotRunningError(f"{spec.name} is not running", f"`mamctl start {spec.name}` starts it")

    def drain(self, name: str) -> None:
        """Put into the log what a service's terminal still holds."""
        terminal = self._open.get(name)
        for _ in range(_LAST_TURNS):
            if terminal is None or not terminal.drain():
                return
            self._outputs.drain(name)

    def end(self, name: str, how: Ended) -> None:
        """Put into the log what a service wrote last, and tell who is attached how it ended."""
        self.drain(name)
        if terminal := self._open.get(name):
            terminal.end(how)

    def close(self, name: str) -> None:
        """Let go of a service's terminal, and let nobody keep it; its size is remembered for the next one."""
        terminal = self._open.pop(name, None)
        if terminal is None:
            return
        with suppress(OSError):
            self._sizes[name] = terminal.size
        terminal.close()
        self._custody.drop(_name(name))

    def close_all(self) -> None:
        """Let go of all of them; what is kept for the next supervisor stays kept."""
        for terminal in self._open.values():
            terminal.close()
        self._open.clear()

    def _hold(self, spec: ServiceSpec, generation: int, pair: Pair, *, recalled: int | None = None) -> None:
        (output,) = self._outputs.readable(spec, recalled=recalled)
        self._open[spec.name] = Terminal(pair, output, generation, self._loop)


def _name(service: str) -> str:
    return f"tty/{service}"
