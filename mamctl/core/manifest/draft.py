"""All services of a manifest as wishes: read once, before ports are chosen and env files of services are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from .choices import Kind
from .fields import SERVICE
from .layers import Entry, Mention
from .merging import DELETED, merge
from .wishes import PortWish, ServiceWish, StepKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .findings import Findings, Path, Tree

# A spawned service is the external one in all but these.
_NOT_INHERITED: Final = frozenset(
    {
        "kind",
        "identify",
        "acquire",
        "release",
        "command",
        "shell",
        "sockets",
        "ready",
        "live",
        "health",
        "replicas",
        "schedule",
        "hooks",
        "events",
    }
)
_PROBES: Final = ("ready", "live", "health")
_LADDER: Final = ("identify", "acquire", "release")
_OWN_CHILD: Final = "put it into acquire: [{spawn: {command: [...]}}]"
_RUN_STEP: Final = "add {run: [...]} to acquire: what was attached to is left, what was spawned is stopped"
_NO_SOCKETS: Final = "only for a service that is kept running can a socket be held"


class Drafted(NamedTuple):
    """One service's wish, the keys that it was read from, and where they stand. `spawned`: that of an external one.

    `replica_of`: the name in the manifest of what this is one replica of, and `replica` which.
    """

    wish: ServiceWish
    raw: Tree
    at: Path
    entry: Entry
    spawned: Drafted | None = None
    replica_of: str | None = None
    replica: int = 1

    def says(self, key: str) -> bool:
        """Tell whether a key is there with a value."""
        return self.raw.get(key) is not None and self.raw[key] is not DELETED

    @property
    def ports_are_good(self) -> bool:
        """Whether all ports could be read; a probe on a port that could not would only be a second problem."""
        both = (self.raw.get("ports", {}), self.wish.ports), (self.raw.get("sockets", {}), self.wish.sockets)
        return all(_all_read(raw, read) for raw, read in both)

    @property
    def ports(self) -> dict[str, PortWish]:
        """The service's own ports and those that only its spawned self has."""
        return {**self.spawned.wish.listens, **self.wish.listens} if self.spawned else self.wish.listens

    def place(self, port: str) -> Path:
        """Return where a port of its own is written."""
        return (*self.at, "sockets" if port in self.wish.sockets else "ports", port)


def _all_read(raw: object, read: Mapping[str, PortWish]) -> bool:
    return not isinstance(raw, dict) or len(read) == sum(port is not DELETED for port in raw.values())


def draft(entries: Mapping[str, Entry], found: Findings) -> dict[str, Drafted]:
    """Return every service's wish; what is wrong in one is noted, and its default stands in."""
    return {name: _drafted(entry, ("services", name), found) for name, entry in entries.items()}


def _drafted(entry: Entry, at: Path, found: Findings) -> Drafted:
    drafted = Drafted(SERVICE.read(entry.raw, at, found), entry.raw, at, entry)
    if drafted.wish.kind is Kind.EXTERNAL:
        return _external(drafted, found)
    if drafted.wish.kind is Kind.TASK:
        _refuse(drafted, _PROBES, "a task has no probe: it is done when it has ended", None, found)
        _refuse(drafted, ("sockets",), _NO_SOCKETS, "write ports", found)
    for name in drafted.wish.sockets.keys() & drafted.wish.ports.keys():
        found.add((*at, "sockets", name), "is the name of a port, too", "choose another name")
    _refuse(drafted, _LADDER, "is for kind: external only", "add kind: external, or leave it out", found)
    _need_command(drafted, found)
    return drafted


def _need_command(drafted: Drafted, found: Findings) -> None:
    if not drafted.says("command"):
        found.add(drafted.at, "command is missing", "write command: [program, argument]")


def _refuse(drafted: Drafted, keys: tuple[str, ...], why: str, hint: str | None, found: Findings) -> None:
    if drafted.raw.keys().isdisjoint(keys):
        return
    for key in keys:
        if drafted.says(key):
            found.add((*drafted.at, key), why, hint)


def _external(drafted: Drafted, found: Findings) -> Drafted:
    _refuse(drafted, ("command", "shell"), "an external service has no command of its own", _OWN_CHILD, found)
    _refuse(drafted, ("sockets",), _NO_SOCKETS, "write ports", found)
    _refuse(drafted, ("tty",), "an external service has no terminal of ours", _OWN_CHILD, found)
    _refuse(drafted, ("replicas",), "an external service has no replicas", _OWN_CHILD, found)
    _refuse(drafted, _PROBES, "identify is an external service's ready and live probe", "write identify", found)
    if not drafted.says("identify"):
        found.add(drafted.at, "identify is missing", "write identify: {http: /greeting, json: {...}}")
    if drafted.wish.release and all(step.kind is not StepKind.RUN for step in drafted.wish.acquire):
        found.add((*drafted.at, "release"), "there is nothing to release: no step of acquire is a run", _RUN_STEP)
    return _with_spawned(drafted, found)


def _with_spawned(drafted: Drafted, found: Findings) -> Drafted:
    steps = [(index, step) for index, step in enumerate(drafted.wish.acquire) if step.kind is StepKind.SPAWN]
    for index, _ in steps[1:]:
        found.add((*drafted.at, "acquire", index), "is a second spawn step", "keep one of them")
    if not steps:
        _refuse(drafted, ("watch",), "an external service that is not spawned is never restarted", _OWN_CHILD, found)
        return drafted
    index, step = steps[0]
    inherited = {key: value for key, value in drafted.raw.items() if key not in _NOT_INHERITED}
    at = (*drafted.at, "acquire", index, "spawn")
    raw = merge(inherited, step.spawn)
    spawned = Drafted(SERVICE.read(raw, at, found), raw, at, drafted.entry)
    _check_spawned(spawned, drafted.wish.ports, found)
    return drafted._replace(spawned=spawned)


def _check_spawned(spawned: Drafted, ports: Mapping[str, PortWish], found: Findings) -> None:
    _refuse(
        spawned,
        ("kind", "sockets", "replicas", "schedule", "hooks", "events", *_LADDER),
        "a spawned service cannot have this key",
        "leave it out",
        found,
    )
    _need_command(spawned, found)
    for name, wish in spawned.wish.ports.items():
        if ports.get(name, wish) != wish:
            found.add((*spawned.at, "ports", name), "differs from the external service's own port", "leave it out")


def all_drafted(drafts: Mapping[str, Drafted]) -> Iterator[tuple[str, Drafted]]:
    """Yield every service by name, and after an external one its spawned self."""
    for name, drafted in drafts.items():
        yield name, drafted
        if drafted.spawned:
            yield name, drafted.spawned


def env_files(drafts: Mapping[str, Drafted]) -> Iterator[Mention]:
    """Yield the env files that services name."""
    for _, drafted in all_drafted(drafts):
        for index, file in enumerate(drafted.wish.env_file):
            yield Mention(None, (*drafted.at, "env_file", index), file)
