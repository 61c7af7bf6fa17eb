"""When a supervisor's run ends, and what of it goes to its own log."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from typing import TYPE_CHECKING, Any

from mamctl.core.errors import UsageError
from mamctl.core.exits import sentence, shell_code
from mamctl.core.manifest.choices import Kind
from mamctl.core.outcome import is_over
from mamctl.core.states import State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mamctl.runtime.hands import Hands
    from mamctl.runtime.operator import Operator

logger = logging.getLogger("mamctl")


class Keeper:
    """Ends the run when it is to end: a signal, a lost lease, nothing left to run, an essential service that failed.

    A service that the run was asked to end with (`end_with`) also decides the exit code.
    """

    def __init__(self, hands: Hands, operator: Operator) -> None:
        self._hands = hands
        self._operator = operator
        self._stopping: asyncio.Task[object] | None = None
        self._foreground = False
        self._decisive: str | None = None

    def heed_signals(self) -> None:
        """Stop everything at TERM, INT or HUP, also where they were ignored; a second one kills."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._signalled, number)

    def hold(self, lease: int) -> None:
        """Run only as long as the terminal's client, who has the other end of this socket."""
        self._foreground = True
        asyncio.get_running_loop().add_reader(lease, self._lease_lost, lease)

    def end_with(self, pattern: str) -> str:
        """End the run when this service has ended, with its exit code; return its name. Raises UsageError."""
        names = self._operator.select([pattern])
        if len(names) != 1:
            raise UsageError(f"{pattern} means {len(names)} services", "name one of them in --exit-code-from")
        spec = self._hands.manifest.services[names[0]]
        if spec.kind is Kind.EXTERNAL or spec.schedule is not None:
            why = "runs by the clock: it never ends" if spec.schedule else "is external: it has no exit code"
            raise UsageError(f"{spec.name} {why}", "name a service or a task")
        self._decisive = names[0]
        return names[0]

    async def until_the_end(self) -> tuple[int, str]:
        """Wait until all is over; return the exit code and why. A foreground run ends once nothing is left to run."""
        if self._foreground:
            watch = asyncio.create_task(self._watch())
            self._operator.ended.add_done_callback(lambda _ended: watch.cancel())
        return await self._operator.ended

    def stop(self, why: str, code: int = 0) -> None:
        """Stop everything, unless that is under way; the run ends with `code`."""
        if not self._operator.ended.done() and not self._operator.downing:
            if code:
                self._operator.ending = (code, why)
            logger.info("%s: stopping everything", why)
            self._stop(force=False)

    def _signalled(self, number: int) -> None:
        force = self._stopping is not None
        logger.info("got %s: stopping everything%s", signal.Signals(number).name, ", by force" if force else "")
        self._stop(force=force)

    def _lease_lost(self, lease: int) -> None:
        asyncio.get_running_loop().remove_reader(lease)
        os.close(lease)
        self.stop("the terminal's client is gone")

    def _stop(self, *, force: bool) -> None:
        self._stopping = asyncio.create_task(self._operator.down(force=force, wait=None))

    async def _watch(self) -> None:
        while not self._is_over():
            if (decided := self._decided()) and not self._operator.downing:
                self._operator.ending = decided
                self.stop(decided[1])
            await self._hands.changed()
        self._operator.end(*self._result())

    def _is_over(self) -> bool:
        supervisor = self._hands.supervisor
        ending = supervisor.ending is not None or self._decided() is not None
        return is_over(supervisor.services, ending=ending) and not self._operator.downing

    def _decided(self) -> tuple[int, str] | None:
        """Return the exit code and why, once the service that decides has ended by itself."""
        service = self._hands.supervisor.services.get(self._decisive or "")
        if service is None or not service.ended or self._hands.supervisor.ending is not None:
            return None
        unborn = service.exit_code is None and service.exit_signal is None
        how = f"failed: {service.detail}" if unborn else sentence(service.exit_code, service.exit_signal)
        return shell_code(service), f"{service.name} {how}"

    def _result(self) -> tuple[int, str]:
        supervisor = self._hands.supervisor
        if decided := self._decided():
            return decided
        if supervisor.ending is not None:
            return 1, supervisor.ending
        failed = [name for name, service in supervisor.services.items() if service.state is State.FAILED]
        return (1, f"failed: {', '.join(failed)}") if failed else (0, "nothing is left to run")


LOUD: Mapping[str, Callable[..., None]] = {
    "error": logger.error,
    "failed": logger.error,
    "port-conflict": logger.error,
    "process-error": logger.error,
    "warning": logger.warning,
    "unhealthy": logger.warning,
    "backoff": logger.warning,
}


def log_event(event: Mapping[str, Any]) -> None:
    """Write to the supervisor's own log what an operator would look for there."""
    data = event["data"]
    if speak := LOUD.get(event["type"]):
        speak("%s: %s: %s", event["service"], event["type"], data.get("detail"))
    elif event["type"] == "adopted":
        logger.info("%s: adopted, pid %s", event["service"], data.get("pid"))
    elif event["type"] in ("supervisor-started", "supervisor-restarted", "manifest-changed"):
        logger.info("%s %s", event["type"], data)
