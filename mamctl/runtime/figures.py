"""All that is measured of the services and of the supervisor itself, sampled when somebody asks.

What takes looking at other processes is done in a thread: nobody waits for a scrape but who asked for it.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from mamctl.core.states import State, Wanted
from mamctl.runtime.logs.files import numbered
from mamctl.runtime.meters import Tally
from mamctl.runtime.processes import PAGE, Sampler, read
from mamctl.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mamctl.core.service import Service
    from mamctl.runtime.hands import Hands
    from mamctl.runtime.meters import Sample
    from mamctl.runtime.processes import Usage

Family = tuple[str, str, str, "list[Sample]"]
# A timer of this many seconds is set; how much later it fires is the lag.
_TICK: Final = 0.001


class Reading(NamedTuple):
    """What was seen of one service: its processes, how many files they have open (None: nobody tells), its logs."""

    usage: Usage | None
    open_files: int | None
    log_size: int


class Figures:
    """Measures. `hands` is what is measured."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        self._began = hands.now
        self._tally = Tally(hands.history)
        # One of its own: a share of processor time is that since the last question of the same asker.
        self._sampler = Sampler()
        self._sampling = asyncio.Lock()

    async def families(self) -> list[Family]:
        """Return every figure."""
        async with self._sampling:
            await self._tally.catch_up()
            lag = await self._lag()
            readings = await asyncio.to_thread(self._look, self._wanted())
        services = self._hands.supervisor.services
        return [
            *_states(services.values()),
            *self._counted(services),
            *self._sampled({name: reading for name, reading in readings.items() if name in services}),
            *self._own(lag),
        ]

    async def _lag(self) -> float:
        loop = asyncio.get_running_loop()
        due = loop.time() + _TICK
        await asyncio.sleep(_TICK)
        return max(0.0, loop.time() - due)

    def _wanted(self) -> dict[str, tuple[int | None, list[str]]]:
        """Return for each service its main process and the paths of its logs: what a thread may look at."""
        alive = self._hands.alive
        return {
            name: (alive[name].pid if name in alive else None, self._logs(service))
            for name, service in self._hands.supervisor.services.items()
        }

    def _logs(self, service: Service) -> list[str]:
        files = self._hands.outputs.files(service.run)
        return [numbered(one.path, number) for one in files for number in range(service.run.logs.keep + 1)]

    def _look(self, wanted: Mapping[str, tuple[int | None, list[str]]]) -> dict[str, Reading]:
        roots = {name: pid for name, (pid, _) in wanted.items() if pid is not None}
        usage = self._sampler.sample(roots)
        return {
            name: Reading(usage.get(name), _open_files(usage[name].pids) if name in usage else None, _size(logs))
            for name, (_, logs) in wanted.items()
        }

    def _counted(self, services: Mapping[str, Service]) -> Iterator[Family]:
        exits = [
            ("", {"service": name, "reason": why}, float(count)) for (name, why), count in self._tally.exits.items()
        ]
        yield "mamctl_service_exits_total", "counter", "Ends of its process, by reason.", exits
        probes = [
            sample
            for (name, purpose), histogram in self._hands.watcher.latencies.items()
            for sample in histogram.samples({"service": name, "purpose": purpose})
        ]
        yield "mamctl_probe_duration_seconds", "histogram", "How long its probes took.", probes
        starts = [sample for name, found in self._tally.starts.items() for sample in found.samples({"service": name})]
        yield "mamctl_service_time_to_ready_seconds", "histogram", "From its spawn to ready.", starts
        written = [("", {"service": name}, float(self._hands.outputs.written(name))) for name in services]
        yield "mamctl_service_log_bytes_total", "counter", "Bytes of its output, also those rotated away.", written

    def _sampled(self, readings: Mapping[str, Reading]) -> Iterator[Family]:
        used = {name: found.usage for name, found in readings.items() if found.usage is not None}
        open_files = {name: found.open_files for name, found in readings.items() if found.open_files is not None}
        yield _gauge(
            "mamctl_service_cpu_percent",
            "The processor share of its whole tree since the last scrape; 100 is one core.",
            {name: usage.cpu_percent for name, usage in used.items()},
        )
        yield _gauge(
            "mamctl_service_memory_bytes",
            "Resident memory of its whole tree.",
            {name: usage.memory_bytes for name, usage in used.items()},
        )
        yield _gauge(
            "mamctl_service_processes", "Its processes.", {name: len(usage.pids) for name, usage in used.items()}
        )
        yield _gauge("mamctl_service_open_files", "Files that its processes have open.", open_files)
        sizes = {name: found.log_size for name, found in readings.items()}
        yield _gauge("mamctl_service_log_size_bytes", "Its logs on disk, the rotated ones too.", sizes)

    def _own(self, lag: float) -> Iterator[Family]:
        hands = self._hands
        keeper, row = hands.custody.keeper, read(os.getpid())
        yield (
            "mamctl_supervisor_info", "gauge", "The supervisor.",
            [("", {"version": VERSION, "project": hands.manifest.name}, 1.0)],
        )  # fmt: skip
        yield _one("mamctl_supervisor_uptime_seconds", "gauge", "Since this one began.", hands.now - self._began)
        yield _one("mamctl_supervisor_events_total", "counter", "The number of the last event.", hands.history.last)
        yield _one("mamctl_supervisor_loop_lag_seconds", "gauge", "How late a timer fired just now.", lag)
        yield _one(
            "mamctl_supervisor_memory_bytes", "gauge", "Its resident memory.", row.rss_pages * PAGE if row else 0
        )
        yield _one("mamctl_supervisor_open_files", "gauge", "Files that it has open.", len(os.listdir("/dev/fd")))
        yield _one("mamctl_guardian_up", "gauge", "1: a guardian would start another one.", keeper is not None)
        yield _one("mamctl_guardian_pid", "gauge", "The guardian's pid; 0: none.", keeper or 0)


def _states(services: Iterable[Service]) -> Iterator[Family]:
    services = list(services)
    states = [
        ("", {"service": service.name, "state": state.value}, float(service.state is state))
        for service in services
        for state in State
    ]
    yield "mamctl_service_state", "gauge", "1 for the state that it is in.", states
    info = [
        ("", {"service": one.name, "kind": one.spec.kind.value, "ownership": one.ownership.value}, 1.0)
        for one in services
    ]
    yield "mamctl_service_info", "gauge", "What kind of service it is, and whose process.", info
    wanted = {one.name: one.wanted is Wanted.UP for one in services}
    yield _gauge("mamctl_service_wanted", "1: the operator wants it up.", wanted)
    restarts = [("", {"service": one.name}, float(one.restarts)) for one in services]
    yield "mamctl_service_restarts_total", "counter", "Automatic restarts.", restarts


def _gauge(name: str, about: str, values: Mapping[str, float]) -> Family:
    return name, "gauge", about, [("", {"service": service}, float(value)) for service, value in values.items()]


def _one(name: str, kind: str, about: str, value: float) -> Family:
    return name, kind, about, [("", {}, float(value))]


def _open_files(pids: Sequence[int]) -> int | None:
    """Return how many files processes have open, as far as we may see; None where the system does not tell."""
    if not os.path.isdir("/proc/self/fd"):
        return None
    total = 0
    for pid in pids:
        with suppress(OSError):
            total += len(os.listdir(f"/proc/{pid}/fd"))
    return total


def _size(paths: Sequence[str]) -> int:
    total = 0
    for path in paths:
        with suppress(OSError):
            total += os.stat(path).st_size
    return total
