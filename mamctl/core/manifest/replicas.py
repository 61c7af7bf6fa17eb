"""Replicas: from here on one service of the manifest is several ordinary ones, `worker-1` to `worker-N`.

A name with `replicas` (even 1) stands for all of them wherever a service is named, so it is expanded before anything is
checked: ports, dependencies, logs and the supervisor see ordinary services. What each needs for itself is its ports: a
number of a range in order, or `auto`. How many there are is what the manifest says, unless `mamctl scale` said another
number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from .choices import Kind
from .findings import Invalid
from .shapes import is_name

if TYPE_CHECKING:
    from .draft import Drafted
    from .findings import Findings, Path
    from .wishes import DependencyWish, PortWish

    Drafts = Mapping[str, Drafted]

MOST: Final = 1000
"""How many replicas a service can have: more is a slip of the finger."""

Families = Mapping[str, Sequence[str]]
"""The names of the replicas, in order, by the service that they are replicas of."""

NO_FAMILIES: Final[Families] = MappingProxyType({})


class Replicas(NamedTuple):
    """How many replicas a service has now, and how many the manifest gives it."""

    number: int
    written: int


def as_documents(replicas: Mapping[str, Replicas]) -> dict[str, dict[str, int]]:
    """Return what the status says of them."""
    return {name: {"number": count.number, "manifest": count.written} for name, count in replicas.items()}


class Cast(NamedTuple):
    """All services as they run: each replica one of its own. `replicas` and `families` only of those with the key."""

    drafts: Drafts
    replicas: Mapping[str, Replicas]
    families: Families


def replicate(drafts: Drafts, scaled: Mapping[str, int], found: Findings) -> Cast:
    """Return every service with its replicas; `scaled` are the numbers that hold in place of the manifest's."""
    replicas = {
        name: Replicas(scaled.get(name, drafted.wish.replicas), drafted.wish.replicas)
        for name, drafted in drafts.items()
        if drafted.wish.replicas is not None and drafted.wish.kind is not Kind.EXTERNAL
    }
    if not replicas:
        return Cast(drafts, {}, NO_FAMILIES)
    families = {name: names(name, count.number) for name, count in replicas.items()}
    for name in families:
        _check(name, drafts, replicas[name], found)
    cast: dict[str, Drafted] = {}
    for name, drafted in drafts.items():
        linked = _linked(drafted, families)
        cast.update(_copies(name, linked, replicas[name].number) if name in families else {name: linked})
    return Cast(cast, replicas, families)


def names(service: str, number: int) -> tuple[str, ...]:
    """Return the names of so many replicas of a service."""
    return tuple([f"{service}-{index}" for index in range(1, number + 1)])


def only_replica(service: str, families: Families) -> str:
    """Return whom a name means where one is meant: itself, or the only replica. Raises `Invalid`."""
    members = families.get(service)
    if members is None:
        return service
    if not members:
        raise Invalid(f"{service} has no replica now", "give it one, or leave this out")
    if len(members) > 1:
        raise Invalid(f"{service} has {len(members)} replicas, and one is meant", f"name it: {members[0]}")
    return members[0]


def _copies(name: str, drafted: Drafted, number: int) -> dict[str, Drafted]:
    wish = drafted.wish
    return {
        copy: drafted._replace(
            replica_of=name,
            replica=index + 1,
            wish=wish._replace(ports=_ports(wish.ports, index), sockets=_ports(wish.sockets, index)),
        )
        for index, copy in enumerate(names(name, number))
    }


def _ports(wishes: Mapping[str, PortWish], index: int) -> dict[str, PortWish]:
    return {port: _port(wish, index) for port, wish in wishes.items()}


def _port(wish: PortWish, index: int) -> PortWish:
    if wish.wanted is None or wish.last is None:
        # A fixed number was refused already: that two replicas would share it is no second problem.
        return wish if wish.fallback else wish._replace(wanted=None)
    return wish._replace(wanted=wish.wanted + index, last=None, fallback=False)


def _linked(drafted: Drafted, families: Families) -> Drafted:
    """Return a service that depends on each replica of whom it depends on."""
    spawned = drafted.spawned and _linked(drafted.spawned, families)
    edges = drafted.wish.depends_on
    if families.keys().isdisjoint(edges):
        return drafted._replace(spawned=spawned)
    return drafted._replace(spawned=spawned, wish=drafted.wish._replace(depends_on=_edges(edges, families)))


def _edges(written: Mapping[str, DependencyWish], families: Families) -> dict[str, DependencyWish]:
    edges: dict[str, DependencyWish] = {}
    for target, edge in written.items():
        # What is said of one replica goes before what is said of all.
        edges |= {name: edge for name in families.get(target, (target,)) if name == target or name not in written}
    return edges


# What cannot be -------------------------------------------------------------------------------------------------------


def _check(name: str, drafts: Drafts, count: Replicas, found: Findings) -> None:
    drafted = drafts[name]
    for copy in names(name, count.number):
        if copy in drafts:
            found.add(("services", copy), f"is also the name of a replica of {name}", "choose another name")
    if not is_name(f"{name}-{max(1, count.number)}"):
        found.add((*drafted.at, "replicas"), "the names of its replicas would be too long", "choose a shorter name")
    for port, wish in drafted.wish.listens.items():
        _check_port(drafted.place(port), wish, count, found)


def _check_port(at: Path, wish: PortWish, count: Replicas, found: Findings) -> None:
    if wish.wanted is None or (wish.fallback and wish.last is None):
        return
    if wish.last is None:
        found.add(at, "a service with replicas cannot have one fixed port", _another(wish.wanted, count.number))
    elif (size := wish.last - wish.wanted + 1) < count.number:
        many = f"{size} numbers" if size > 1 else "1 number"
        hint = _another(wish.wanted, count.number)
        if count.number != count.written:
            hint = f"{hint}; `mamctl up` goes back to {count.written}"
        found.add(at, f"the range has {many}, too few for {count.number} replicas", hint)


def _another(first: int, number: int) -> str:
    last = first + max(2, number) - 1
    return "write auto" if last > 65535 else f"write auto, or a range: {first}-{last}"
