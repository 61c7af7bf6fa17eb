"""The prober: one question, one outcome."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Protocol, assert_never

from mamctl.core.manifest.model import ExecProbe, HttpProbe, LogProbe, NotifyProbe, TcpProbe
from mamctl.runtime.probes.outcome import Outcome

if TYPE_CHECKING:
    from mamctl.core.manifest.model import Probe
    from mamctl.runtime.probes.context import Context


class Asks(Protocol):
    """What the supervisor wants of a prober; tests give it one that is scripted."""

    async def check(self, probe: Probe, context: Context) -> Outcome:
        """Ask once. Ends within `probe.timeout` (and at most a second to clean up); raises nothing but cancellation."""


class Prober:
    """Asks over real sockets, processes and logs; any number of checks may run at once.

    `pids` are the exec probes' commands that run now: children of this process which nobody else may reap.
    """

    def __init__(self) -> None:
        self.pids: set[int] = set()

    async def check(self, probe: Probe, context: Context) -> Outcome:
        """Ask once and return what was found; cancelled, it cleans up first."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            outcome = await self._check(probe, context)
        except OSError as error:
            # Ours, not the service's: no descriptors left, no process to be had.
            what = os.strerror(error.errno).lower() if error.errno else str(error)
            outcome = Outcome(ok=False, detail=f"cannot probe: {what}", answered=False)
        return outcome._replace(latency=loop.time() - began)

    async def _check(self, probe: Probe, context: Context) -> Outcome:
        """Import only what this kind needs: most stacks never pay for the others."""
        match probe.check:
            case HttpProbe():
                from mamctl.runtime.probes import http

                return await http.check(probe.check, probe.timeout)
            case TcpProbe():
                from mamctl.runtime.probes import tcp

                return await tcp.check(probe.check, probe.timeout)
            case ExecProbe():
                from mamctl.runtime.probes import exec as command

                return await command.check(probe, probe.check, context, self.pids)
            case LogProbe():
                return await context.scan(probe.check.pattern).check(probe.timeout)
            case NotifyProbe():
                return Outcome(ok=False, detail="it is not asked: it says itself that it is ready", answered=False)
        assert_never(probe.check)
