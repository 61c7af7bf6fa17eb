"""What the last supervisor's journal tells: each service's last incarnation, and what was wanted of the whole."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from mamctl.core.dataclass import dataclass
from mamctl.core.past import Past, from_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(slots=True)
class Trace:
    """The last incarnation of a service, as far as it was recorded, and what was known of the service.

    `instance` is its marker; `run` tells what it was run as. `pid` is None when the supervisor was killed between
    the intent and the record of the spawn. `ended`: its exit was seen, with this code or signal.
    """

    service: str
    generation: int = 0
    instance: str = ""
    run: str = ""
    pid: int | None = None
    started: int = 0
    inode: int = 0
    ended: bool = False
    code: int | None = None
    signal: int | None = None
    past: Past | None = None

    @property
    def key(self) -> tuple[str, int]:
        """Which incarnation it is: service and generation."""
        return self.service, self.generation


@dataclass(slots=True)
class Recollection:
    """All that a journal tells.

    `keeps`: services were to outlive that supervisor, unless they say otherwise. So it is when that record was lost,
    for nobody is to be ended by mistake.
    """

    traces: dict[str, Trace] = field(default_factory=dict)
    keeps: bool = True
    profiles: tuple[str, ...] = ()
    downing: bool = False
    requests: dict[str, tuple[str, str]] = field(default_factory=dict)
    replicas: dict[str, int] = field(default_factory=dict)


def recollect(records: Iterable[Mapping[str, Any]]) -> Recollection:
    """Read records in the order in which they were written. What is not as it should be is passed over."""
    found = Recollection()
    for record in records:
        try:
            _take(found, record)
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
    return found


def _take(found: Recollection, record: Mapping[str, Any]) -> None:
    match record["type"]:
        case "begin":
            found.keeps = bool(record["keeps"])
        case "wish":
            found.profiles, found.downing = tuple(map(str, record["profiles"])), bool(record["downing"])
        case "scale":
            found.replicas = {str(name): int(number) for name, number in record["replicas"].items()}
        case "request":
            found.requests[str(record["id"])] = (str(record["method"]), str(record["path"]))
        case "gone":
            found.traces.pop(str(record["service"]), None)
        case "intent" | "spawned" | "ended" | "service":
            _trace(found, str(record["service"]), record)


def _trace(found: Recollection, service: str, record: Mapping[str, Any]) -> None:
    known = found.traces.get(service) or Trace(service)
    match record["type"]:
        case "intent":
            generation, instance = int(record["generation"]), str(record["instance"])
            known = Trace(service, generation, instance, str(record.get("run", "")), past=known.past)
        case "service":
            known.past = from_document(record["past"]) or known.past
        case _ if int(record["generation"]) != known.generation:
            return
        case "spawned":
            known.pid = int(record["pid"])
            known.started, known.inode = int(record.get("started", 0)), int(record.get("inode", 0))
        case "ended":
            known.ended, known.code, known.signal = True, record["code"], record["signal"]
    found.traces[service] = known
