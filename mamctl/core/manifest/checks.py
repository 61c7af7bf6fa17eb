"""What no single service can tell: dependencies that cannot be, cycles, and ports that two would share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from .choices import Condition, Kind, Streams
from .draft import Drafted, all_drafted
from .event_types import check_events
from .nearest import did_you_mean
from .schedule_checks import check_schedule

if TYPE_CHECKING:
    from .findings import Findings, Path

_EVERY_HOST: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound
_SAME_HOST: Final = {"localhost": "127.0.0.1"}
_BY_CHANCE: Final = (
    "lies in {}-{}, where the system takes ports for outgoing connections: another may hold it by chance"
)
_UNPROVEN: Final = (
    "a held socket accepts connections before the service answers any, so without a probe it is ready after 100 ms:"
    " write ready: {http: /path}"
)
_ONE_STREAM: Final = "leave out logs: {streams: split}, or tty"
_UNSCHEDULED: Final = "leave it out, or let this one depend on a task of its own without a schedule"
Drafts = Mapping[str, Drafted]


def check(drafts: Drafts, found: Findings) -> None:
    """Note what is wrong between services."""
    edges = _edges(drafts)
    for name, targets in edges.items():
        for target, at in targets.items():
            _check_edge(drafts[name], target, at, drafts, found)
    if edges:
        _check_cycles(edges, found)
    for _, drafted in all_drafted(drafts):
        if drafted.says("schedule"):
            check_schedule(drafted, found)
        if drafted.says("events"):
            check_events(drafted, found)
    _check_ports(drafts, found)
    _check_logs(drafts, found)


def _edges(drafts: Drafts) -> dict[str, dict[str, Path]]:
    """Return whom each service depends on, and where it says so."""
    edges: dict[str, dict[str, Path]] = {}
    for name, drafted in all_drafted(drafts):
        for target in drafted.wish.depends_on:
            at = (*drafted.at, "depends_on", _written(target, drafted, drafts))
            edges.setdefault(name, {}).setdefault(target, at)
    return edges


def _written(target: str, drafted: Drafted, drafts: Drafts) -> str:
    """Return how a dependency is written: a replica may be meant by the name of all of them."""
    written = drafted.raw.get("depends_on")
    common = drafts[target].replica_of if target in drafts else None
    return target if common is None or (isinstance(written, dict) and target in written) else common


def _check_edge(drafted: Drafted, name: str, at: Path, drafts: Drafts, found: Findings) -> None:
    target = drafts.get(name)
    if target is None:
        found.add(at, f"no such service: {name}", did_you_mean(name, drafts))
    elif target.wish.manual:
        found.add(at, f"{at[-1]} is manual: it is never started for another", "remove manual, or the dependency")
    elif target.wish.schedule is not None:
        found.add(at, f"{at[-1]} runs by its schedule, so nobody can wait for it", _UNSCHEDULED)
    else:
        _check_condition(drafted, name, at, target.wish.kind, found)


def _check_condition(drafted: Drafted, name: str, at: Path, kind: Kind, found: Findings) -> None:
    """Note a wait that cannot end: a task is never ready, an external service never completed."""
    edge = drafted.wish.depends_on.get(name)
    condition = edge.condition if edge else None
    if kind is Kind.TASK and condition is Condition.READY:
        found.add(at, f"{at[-1]} is a task, which is never ready", "write completed or started")
    if kind is Kind.EXTERNAL and condition is Condition.COMPLETED:
        found.add(at, f"{at[-1]} is external, which is never completed", "write ready")


def _check_cycles(edges: Mapping[str, Mapping[str, Path]], found: Findings) -> None:
    done: set[str] = set()
    for name in edges:
        cycle = _cycle_from(name, edges, done)
        if cycle:
            found.add(edges[cycle[0]][cycle[1]], f"the dependencies go in a circle: {' -> '.join(cycle)}", _CUT)


_CUT: Final = "remove one of these dependencies"


def _cycle_from(start: str, edges: Mapping[str, Mapping[str, Path]], done: set[str]) -> list[str] | None:
    """Walk depth first without recursion, for chains of hundreds; return the first circle met, closed."""
    if start in done:
        return None
    path: list[str] = [start]
    ways: list[Iterator[str]] = [iter(edges.get(start, ()))]
    while path:
        target = next(ways[-1], None)
        if target is None:
            ways.pop()
            done.add(path.pop())
        elif target in path:
            done.update(path)
            return [*path[path.index(target) :], target]
        elif target not in done:
            path.append(target)
            ways.append(iter(edges.get(target, ())))
    return None


def _check_ports(drafts: Drafts, found: Findings) -> None:
    takers: dict[int, list[tuple[str, Path]]] = {}
    for name, drafted in drafts.items():
        for port, wish in drafted.ports.items():
            if wish.wanted is not None and not wish.fallback:
                takers.setdefault(wish.wanted, []).append((name, drafted.place(port)))
    for number, some in takers.items():
        if len(some) > 1:
            _check_takers(number, some, drafts, found)


def _check_takers(number: int, takers: list[tuple[str, Path]], drafts: Drafts, found: Findings) -> None:
    for index, (name, at) in enumerate(takers):
        for other, _ in takers[:index]:
            if _clash(name, other, drafts):
                whose = "another port of this service" if name == other else f"{other}, which can run at the same time"
                found.add(at, f"port {number} is also that of {whose}", "choose another number, or auto")
                break


def _clash(name: str, other: str, drafts: Drafts) -> bool:
    if name == other:
        return True
    one, two = drafts[name].wish, drafts[other].wish
    if one.manual or two.manual or not _same_address(one.host, two.host):
        return False
    return _together(_profiles(name, drafts), _profiles(other, drafts))


def _same_address(one: str, two: str) -> bool:
    hosts = {_SAME_HOST.get(one, one), _SAME_HOST.get(two, two)}
    return len(hosts) == 1 or bool(hosts & _EVERY_HOST)


def _together(one: set[str] | None, two: set[str] | None) -> bool:
    return one is None or two is None or bool(one & two)


def _profiles(name: str, drafts: Drafts) -> set[str] | None:
    """Return the profiles that start a service, also through its dependants; None: it is always started."""
    profiles: set[str] = set()
    seen, todo = {name}, [name]
    while todo:
        current = todo.pop()
        own = drafts[current].wish.profiles
        if not own and not drafts[current].wish.manual:
            return None
        profiles.update(own)
        more = [other for other, drafted in drafts.items() if current in drafted.wish.depends_on and other not in seen]
        seen.update(more)
        todo.extend(more)
    return profiles


def _check_logs(drafts: Drafts, found: Findings) -> None:
    """Two services must not write one file: `mamctl.log` is the supervisor's own, `x.err.log` that of a split x."""
    if "mamctl" in drafts:
        found.add(
            ("services", "mamctl"), "the name is taken: logs/mamctl.log is the supervisor's own", "choose another"
        )
    for name, drafted in drafts.items():
        if drafted.wish.logs.streams is Streams.SPLIT and f"{name}.err" in drafts:
            found.add(("services", f"{name}.err"), f"the name is taken: logs/{name}.err.log belongs to {name}", None)
    for _, drafted in all_drafted(drafts):
        if drafted.wish.tty and drafted.wish.logs.streams is Streams.SPLIT:
            found.add((*drafted.at, "tty"), "a terminal has one stream, which cannot be split", _ONE_STREAM)


def ephemeral(drafts: Drafts, local: tuple[int, int]) -> Iterator[tuple[Path, str]]:
    """Yield each fixed port inside the system's range for outgoing connections: any program may hold it by chance."""
    # Of replicas the first is enough: the others are next to it.
    for drafted in [drafted for drafted in drafts.values() if drafted.replica == 1]:
        for port, wish in drafted.ports.items():
            if wish.wanted is not None and local[0] <= (wish.last or wish.wanted) and wish.wanted <= local[1]:
                yield drafted.place(port), f"port {wish.wanted} {_BY_CHANCE.format(*local)}"


def unproven(drafts: Drafts) -> Iterator[tuple[Path, str]]:
    """Yield each service that has only held sockets and no probe: nothing tells when it begins to answer."""
    for drafted in drafts.values():
        if drafted.wish.sockets and not drafted.wish.ports and "ready" not in drafted.raw:
            yield (*drafted.at, "sockets"), _UNPROVEN
