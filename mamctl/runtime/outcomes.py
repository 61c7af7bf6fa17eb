"""What came of a request, for the people who asked: what failed and why, what is pending, what survives."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mamctl.core.outcome import is_settled, unmet
from mamctl.core.states import Reason
from mamctl.runtime.processes import command_line, read

if TYPE_CHECKING:
    from mamctl.core.service import Service
    from mamctl.runtime.hands import Hands
    from mamctl.runtime.status import Reporter

Report = dict[str, Any]
TAIL_LINES = 20
# Survivors of a stop are looked for in this many of the last events.
RECENT = 200
# After the last service ended, what was left behind has this long to die of KILL.
LEFTOVER_SECONDS = 2.0


class Outcomes:
    """Writes the reports about the services of these hands."""

    def __init__(self, hands: Hands, reporter: Reporter) -> None:
        self._hands = hands
        self._reporter = reporter

    def report(self, done: bool, scope: set[str] | None) -> Report:  # noqa: FBT001 - the one thing it is about
        """Tell how far services have come, all or those of the scope; `done`: all have settled."""
        services = self._hands.supervisor.services
        bad = [found for found in unmet(services) if scope is None or found.name in scope]
        pending = [
            {"service": name, "state": found.state, "detail": found.detail}
            for name, found in services.items()
            if not is_settled(found, services) and (scope is None or name in scope)
        ]
        hide = self._hands.secrecy.tree
        return {
            "settled": done,
            "ok": done and not bad,
            "failed": hide([self.failure(found) for found in bad]),
            "absent": [name for name, found in services.items() if found.reason is Reason.ABSENT],
            "pending": hide(pending),
            "status": self._reporter.document(),
        }

    def failure(self, service: Service, *, tail: bool = True) -> Report:
        """Tell why a service is not as it should be, with its last lines."""
        return {
            "service": service.name,
            "state": service.state,
            "reason": service.reason,
            "detail": service.detail,
            "exit_code": service.exit_code,
            "exit_signal": service.exit_signal,
            "log": self._reporter.log(service),
            "tail": self._tail(service) if tail else [],
        }

    def _tail(self, service: Service) -> list[str]:
        """Return the last lines of its last incarnation; one that never ran left none."""
        if service.generation == 0 or service.reason is Reason.DEPENDENCY_FAILED:
            return []
        return self._hands.outputs.last_lines(service.run, TAIL_LINES, service.generation)

    def survivors(self) -> list[dict[str, object]]:
        """Name the processes that outlived the last stops and live."""
        events = self._hands.history.since(max(0, self._hands.history.last - RECENT), RECENT)
        rows = [row for event in events for row in event["data"].get("survivors", ())]
        return [row for row in rows if _lives(row["pid"])]

    async def sweep(self) -> list[dict[str, object]]:
        """Kill what no service owns any more, and name what survives even that."""
        loop = asyncio.get_running_loop()
        until = loop.time() + LEFTOVER_SECONDS
        left = self._hands.sweeper.kill_unknown()
        while left and loop.time() < until:
            await asyncio.sleep(0.005)
            self._hands.sweeper.reap_orphans()
            left = self._hands.sweeper.kill_unknown()
        return [{"pid": pid, "command": command_line(pid)} for pid in left] or self.survivors()


def _lives(pid: int) -> bool:
    row = read(pid)
    return row is not None and row.state not in ("Z", "X")
