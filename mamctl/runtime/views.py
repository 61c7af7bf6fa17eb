"""What can be read besides the status: logs, ports and the graph, as documents."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from mamctl.runtime.figures import Figures
from mamctl.runtime.logs.reader import Follower, tail
from mamctl.runtime.ports import Standing, survey

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence

    from mamctl.core.manifest.model import Port
    from mamctl.core.service import Service
    from mamctl.runtime.figures import Family
    from mamctl.runtime.hands import Hands
    from mamctl.runtime.logs.files import LogFiles
    from mamctl.runtime.logs.reader import Line
    from mamctl.runtime.ports import PortRow
    from mamctl.runtime.terminal import Terminal

BATCH = 500
FOLLOW_SECONDS = 0.05

Record = dict[str, Any]


class Views:
    """Reads what the hands knows."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        self._figures = Figures(hands)

    async def logs(
        self, names: Sequence[str], *, tail: int | None, since: float | None, follow: bool
    ) -> AsyncGenerator[list[Record], None]:
        """Yield log records in batches, oldest first; when following, empty ones while there is nothing new.

        Who is slower than what is written is told how much was passed over: `{"skipped": 12, "missed_bytes": 0}`.
        """
        services = self._hands.supervisor.services
        files = [found for name in names for found in self._hands.outputs.files(services[name].run)]
        with Follower(files) as follower:
            # The follower begins where the tail ends: no line is missed, none comes twice.
            for batch in batched(await asyncio.to_thread(_tail, files, tail, since, follower.positions)):
                yield batch
                await asyncio.sleep(0)
            told = (follower.skipped, follower.missed)
            while follow:
                found = follower.poll()
                if told != (so_far := (follower.skipped, follower.missed)):
                    yield [{"skipped": so_far[0] - told[0], "missed_bytes": so_far[1] - told[1]}]
                    told = so_far
                for batch in batched(found):
                    yield batch
                    await asyncio.sleep(0)
                if not follower.pending:
                    yield []
                    await asyncio.sleep(FOLLOW_SECONDS)

    def ports(self) -> list[dict[str, Any]]:
        """Return every port of the manifest with who holds it now."""
        return self._hands.secrecy.tree(ports_of(self._hands))

    async def figures(self) -> list[Family]:
        """Return all that is measured."""
        return await self._figures.families()

    def terminal(self, name: str) -> Terminal:
        """Return the terminal of a service that runs. Raises NoTerminalError and NotRunningError."""
        spec = self._hands.supervisor.services[name].run
        return self._hands.terminals.of(spec, alive=name in self._hands.alive)

    def graph(self) -> dict[str, Any]:
        """Return names, edges and layers."""
        services = self._hands.supervisor.services
        edges = [
            {"from": name, "to": other, "condition": edge.condition, "required": edge.required}
            for name, service in services.items()
            for other, edge in service.spec.depends_on.items()
        ]
        return {"services": list(services), "edges": edges, "layers": self._hands.supervisor.graph.layers()}


def _tail(
    files: Sequence[LogFiles], count: int | None, since: float | None, until: Mapping[LogFiles, int]
) -> list[Line]:
    start = None if since is None else time.time() - since
    return list(tail(files, lines=count, since=start, until=until))


def batched(lines: Sequence[Line]) -> Iterator[list[Record]]:
    """Yield the records of lines, so many at a time that nobody else has to wait long."""
    for first in range(0, len(lines), BATCH):
        yield [record(line) for line in lines[first : first + BATCH]]


def record(line: Line) -> Record:
    """Return a log line as people's tools read it: UTC, decoded with replacement."""
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(line.at)) + f".{int(line.at % 1 * 1000):03d}Z"
    text = line.line.decode(errors="replace").rstrip("\n")
    return {"service": line.service, "generation": line.generation, "stream": line.stream, "at": at, "line": text}


def ports_of(hands: Hands) -> list[dict[str, Any]]:
    """Return a row for each port: service, name, number, state and holder."""
    wanted = [(service, port) for service in hands.supervisor.services.values() for port in service.spec.ports]
    instances = [found.instance for found in hands.alive.values()]
    asked = [(service.spec.host, port.number) for service, port in wanted]
    rows = survey(asked, project=hands.manifest.name, instances=instances, home=hands.home)
    return [_port(hands, service, port, row) for (service, port), row in zip(wanted, rows, strict=True)]


def _port(hands: Hands, service: Service, port: Port, row: PortRow) -> dict[str, Any]:
    # While no process of the service runs, only we (and a guardian) have its socket: no process bears its mark.
    kept = port.held and row.state is Standing.FOREIGN and hands.sockets.holder(port.number) == service.name
    return {
        "service": service.name,
        "name": port.name,
        "host": service.spec.host,
        "port": port.number,
        "wanted": port.wanted,
        "state": Standing.OURS if kept else row.state,
        "holder": row.holder.describe() if row.holder else None,
        "pid": row.holder.pid if row.holder else None,
    }
