"""What an earlier supervisor left about its listeners, read from its ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from mamctl.core.supervisord_events import Told, Track
from mamctl.core.supervisord_states import ProcessState
from mamctl.runtime.listeners.member import Standing
from mamctl.runtime.listeners.protocol import Phase

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Record = Mapping[str, Any]


class Waiting(NamedTuple):
    """An event that a pool was not done with: its numbers in all and in the pool, and what it says."""

    serial: int
    pool_serial: int
    told: Told


@dataclass(slots=True)
class Memory:
    """How far the history was read (`seen`), what listeners know, and what they had still to be told.

    `standings`: where we stood with each listener; None: it was touched in the moment in which the supervisor died.
    """

    seen: int | None = None
    serial: int = 0
    tracks: dict[str, Track] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    ticks: dict[int, int] = field(default_factory=dict)
    pools: dict[str, dict[int, Waiting]] = field(default_factory=dict)
    next: dict[str, int] = field(default_factory=dict)
    standings: dict[str, Standing | None] = field(default_factory=dict)


def remember(records: Iterable[Record]) -> Memory:
    """Return what records say, one after the other. What makes no sense is passed over."""
    memory = Memory()
    for record in records:
        try:
            _take(memory, record)
        except (KeyError, TypeError, ValueError):
            continue
    return memory


def heard(memory: Memory, told: Iterable[tuple[str, Waiting]], tracks: Mapping[str, Track]) -> dict[str, object]:
    """Return the record of what is known now, of the services in `tracks`, with what pools are to be told."""
    return {
        "seq": memory.seen,
        "serial": memory.serial,
        "ticks": {str(period): when for period, when in memory.ticks.items()},
        "tracks": {name: [track.state.value, track.pid, track.tries, track.clean] for name, track in tracks.items()},
        "told": [[pool, one.serial, one.pool_serial, *one.told] for pool, one in told],
    }


def _take(memory: Memory, record: Record) -> None:
    match record["type"]:
        case "heard":
            _take_heard(memory, record)
        case "groups":
            memory.groups = tuple(record["names"])
        case "next":
            memory.next[record["pool"]] = int(record["next"])
        case "gone":
            memory.pools.get(record["pool"], {}).pop(record["serial"], None)
        case "member":
            memory.standings[record["name"]] = _standing(record)
        case "left":
            memory.standings.pop(record["name"], None)
        case "closed":
            memory.pools.pop(record["pool"], None)
            memory.next.pop(record["pool"], None)


def _take_heard(memory: Memory, record: Record) -> None:
    memory.seen, memory.serial = int(record["seq"]), int(record["serial"])
    memory.ticks = {int(period): int(when) for period, when in record["ticks"].items()}
    for name, (state, pid, tries, clean) in record["tracks"].items():
        memory.tracks[name] = Track(ProcessState(state), pid, tries, clean)
    for pool, serial, pool_serial, kind, payload in record["told"]:
        memory.pools.setdefault(pool, {})[serial] = Waiting(serial, pool_serial, Told(kind, payload))
        memory.next[pool] = pool_serial + 1


def _standing(record: Record) -> Standing | None:
    if record["touched"]:
        return None
    return Standing(Phase(record["phase"]), record["serial"], record["words"].encode("latin-1"))
