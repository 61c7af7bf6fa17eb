"""Ask again and again: the tasks that probe services and report what they hear."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from mamctl.core.events import Attached, Found, Probed
from mamctl.core.manifest.choices import Listener
from mamctl.core.manifest.model import HttpProbe, LogProbe, TcpProbe
from mamctl.core.probing import probe_for
from mamctl.core.states import Purpose
from mamctl.runtime.meters import PROBE_BUCKETS, Histogram
from mamctl.runtime.probes import Outcome, next_delay

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Protocol

    from mamctl.core.actions import StartProbe
    from mamctl.core.events import Event
    from mamctl.core.manifest.model import Probe, ServiceSpec
    from mamctl.core.service import Service
    from mamctl.runtime.probes import Context

    class Prober(Protocol):
        """Who asks once."""

        async def check(self, probe: Probe, context: Context) -> Outcome:
            """Ask once and return the answer; never raises for what the other side does."""


logger = logging.getLogger("mamctl")
# A bad answer that comes so long (in seconds) after its deadline was not waited for in time: we stood still ourselves.
STOOD_STILL = 0.1
# On a machine that is so slow that we always do, a bad answer must count in the end.
ASK_AGAIN = 3


class Watcher:
    """Owns the probing tasks, one for each service and purpose.

    `ask` names who answers on a port: `ours`, `foreign`, `unknown` or `none` (see `ports`). `latencies`: how long the
    probes of a service took, by its name and their purpose.
    """

    def __init__(
        self,
        prober: Prober,
        *,
        group: asyncio.TaskGroup,
        post: Callable[[Event], None],
        ask: Callable[[int, str, Collection[int]], str],
    ) -> None:
        self._prober = prober
        self._group = group
        self._post = post
        self._ask = ask
        self._tasks: dict[tuple[str, Purpose], asyncio.Task[None]] = {}
        self.latencies: dict[tuple[str, Purpose], Histogram] = {}

    def start(
        self, action: StartProbe, service: Service, context: Context, tree: Callable[[], Collection[int]]
    ) -> None:
        """Begin to probe; the earlier task of the same purpose ends."""
        probe = probe_for(service, action.purpose)
        self._cancel((action.name, action.purpose))
        if probe is None or (isinstance(probe.check, LogProbe) and not action.fast):
            return  # a line that was seen stays seen
        task = self._group.create_task(self._watch(action, service, probe, context, tree))
        self._tasks[action.name, action.purpose] = task

    def stop(self, name: str) -> None:
        """Probe this service no more."""
        for purpose in Purpose:
            self._cancel((name, purpose))

    def attach(self, service: Service, context: Context) -> None:
        """Look once for an external service; the answer is Attached."""
        key = (service.name, Purpose.READY)
        self._cancel(key)
        self._tasks[key] = self._group.create_task(self._look(service, context))

    def close(self) -> None:
        """Probe nothing more."""
        for key in tuple(self._tasks):
            self._cancel(key)

    def _cancel(self, key: tuple[str, Purpose]) -> None:
        task = self._tasks.pop(key, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    async def _watch(
        self, action: StartProbe, service: Service, probe: Probe, context: Context, tree: Callable[[], Collection[int]]
    ) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            await asyncio.sleep(next_delay(loop.time() - began) if action.fast else probe.interval)
            outcome = await self._check(probe, context)
            self._measure((action.name, action.purpose), outcome)
            if outcome.ok and action.fast and not service.attached:
                outcome = self._by_ours(outcome, service.run, probe, tree)
            self._post(Probed(action.name, action.generation, action.purpose, outcome.ok, outcome.detail, loop.time()))
            if self._tasks.get((action.name, action.purpose)) is not asyncio.current_task():
                return  # what was just posted ended or replaced this probe, which does not cancel itself

    def _measure(self, key: tuple[str, Purpose], outcome: Outcome) -> None:
        found = self.latencies.get(key)
        if found is None:
            found = self.latencies[key] = Histogram(PROBE_BUCKETS)
        found.add(outcome.latency)

    async def _check(self, probe: Probe, context: Context) -> Outcome:
        """Ask once; once more when the supervisor was stopped meanwhile, for that is no fault of the service's."""
        for _ in range(ASK_AGAIN):
            outcome = await self._check_once(probe, context)
            if outcome.ok or outcome.latency < probe.timeout + STOOD_STILL:
                break
        return outcome

    async def _check_once(self, probe: Probe, context: Context) -> Outcome:
        try:
            return await self._prober.check(probe, context)
        except Exception as error:  # a defect of a probe must not end the supervisor
            logger.exception("probe of %s", probe.check)
            return Outcome(ok=False, detail=f"the probe itself failed: {error}", answered=False, latency=0.0)

    def _by_ours(
        self, outcome: Outcome, spec: ServiceSpec, probe: Probe, tree: Callable[[], Collection[int]]
    ) -> Outcome:
        """Take an answer for ours only if every listener that would answer belongs to the service's processes."""
        port = own_port(spec, probe)
        if port is None or self._ask(port, spec.host, tree()) != "foreign":
            return outcome
        detail = f"port {port} is answered by a process that is not {spec.name}'s"
        return Outcome(ok=False, detail=detail, answered=True, latency=outcome.latency)

    async def _look(self, service: Service, context: Context) -> None:
        external = service.spec.external
        assert external is not None
        outcome = await self._check(external.identify, context)
        found = Found.IT if outcome.ok else Found.STRANGER if outcome.answered else Found.NOBODY
        detail = outcome.detail
        if found is Found.STRANGER:
            detail = f"somebody else answers {_where(service.spec, external.identify)}: {detail}"
        at = asyncio.get_running_loop().time()
        self._post(Attached(service.name, service.generation, found, detail, at))


def _where(spec: ServiceSpec, probe: Probe) -> str:
    port = _asked_port(spec, probe)
    if port is None and isinstance(probe.check, HttpProbe):
        return f"at {probe.check.url}"
    return f"on port {port}" if port is not None else "in its place"


def own_port(spec: ServiceSpec, probe: Probe) -> int | None:
    """Return the port of the service that a probe asks, or None when it asks elsewhere or any listener will do."""
    return None if spec.listener is Listener.ANY else _asked_port(spec, probe)


def _asked_port(spec: ServiceSpec, probe: Probe) -> int | None:
    match probe.check:
        case TcpProbe(port=number):
            wanted: int | None = number
        case HttpProbe(url=url):
            wanted = next((port.number for port in spec.ports if f":{port.number}/" in f"{url}/"), None)
        case _:
            wanted = None
    return wanted if any(port.number == wanted for port in spec.ports) else None
