"""Who holds a port that a service wanted. Asked only after a failure: it looks at every process.

A holder is ours when it, or a process above it, was started with the markers of our project; orphaned when the
instance that they name is not one of those that live. Sentences for people are made elsewhere.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from mamctl.runtime import processes
from mamctl.runtime.environment import home_tag
from mamctl.runtime.ports.bind import PortState, bind_test
from mamctl.runtime.ports.listening import owners, system_sockets
from mamctl.runtime.ports.sockets import LISTEN, TIME_WAIT, Socket, touching

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

PROJECT: Final = b"MAMCTL_PROJECT"
SERVICE: Final = b"MAMCTL_SERVICE"
INSTANCE: Final = b"MAMCTL_INSTANCE"

_EVERY_STATE = (1 << 14) - 1
_HIGHEST_TREE = 64


class Standing(StrEnum):
    """How a port stands towards us.

    ORPHANED: held by a process of this project that no supervisor owns any more. UNKNOWN: held by a process that we
    may not look at. CLOSING: held by no process, only by connections of its last owner. UNAVAILABLE: this machine
    does not have the address.
    """

    FREE = "free"
    OURS = "ours"
    ORPHANED = "orphaned"
    FOREIGN = "foreign"
    RESERVED = "reserved"
    UNKNOWN = "unknown"
    CLOSING = "closing"
    UNAVAILABLE = "unavailable"


class Holder(NamedTuple):
    """What stands in the way at a port; None where the system does not tell. `age` in seconds.

    `project`, `service`, `instance` are the markers the process (or one above it) was started with.
    """

    standing: Standing
    pid: int | None = None
    command: str | None = None
    user: str | None = None
    age: float | None = None
    project: str | None = None
    service: str | None = None
    instance: str | None = None

    def describe(self) -> str:
        """Return the holder in a few words: `pid 4312 (python wsgi.py, user alice, started 3 h ago)`."""
        if self.standing is Standing.RESERVED:
            return "nobody: this user may not bind it"
        if self.standing is Standing.CLOSING:
            return "nobody: a connection of its last owner is still closing"
        if self.pid is None:
            return f"a process of user {self.user} that we may not look at" if self.user else "an unknown process"
        user = f"user {self.user}" if self.user else None
        shown = ", ".join(part for part in (self.command, user, _started(self.age)) if part)
        return f"pid {self.pid} ({shown})" if shown else f"pid {self.pid}"


def _started(age: float | None) -> str | None:
    if age is None:
        return None
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if age >= size:
            return f"started {age // size:.0f} {unit} ago"
    return "started just now"


class PortRow(NamedTuple):
    """One line of a survey."""

    host: str
    number: int
    state: Standing
    holder: Holder | None


def find_holder(
    host: str, port: int, *, project: str | None = None, instances: Collection[str] = (), home: str = ""
) -> Holder | None:
    """Return who or what holds `host`:`port`, or None when it is free (again) or no address of this machine.

    `project`: our MAMCTL_PROJECT; without it nobody is ours. `instances`: the MAMCTL_INSTANCE of all that a living
    supervisor owns: a holder of our project with another one is an orphan. `home`: the folder of our state; a stack of
    the same name in another folder is another stack.
    """
    return survey([(host, port)], project=project, instances=instances, home=home)[0].holder


def survey(
    ports: Iterable[tuple[str, int] | int],
    *,
    project: str | None = None,
    instances: Collection[str] = (),
    home: str = "",
) -> list[PortRow]:
    """Return how each (host, number), or number at 127.0.0.1, stands, with one look at the processes for all.

    `project`, `instances` and `home` as for `find_holder`.
    """
    pairs = [("127.0.0.1", port) if isinstance(port, int) else port for port in ports]
    states = [(host, number, bind_test(host, number)) for host, number in pairs]
    taken = {(host, number) for host, number, state in states if state is PortState.TAKEN}
    blocking = {(host, number): _blocking(host, number) for host, number in taken}
    ours = _Ours(project, instances, home_tag(home) if home else "")
    holding = owners({row.inode for rows in blocking.values() for row in rows if row.inode})
    return [
        _row(host, number, _Finding(state, blocking.get((host, number), []), holding), ours)
        for host, number, state in states
    ]


class _Ours(NamedTuple):
    """Whom we call ours: the project, the markers of those that live, and what all markers of our home begin with."""

    project: str | None
    instances: Collection[str]
    tag: str


class _Finding(NamedTuple):
    state: PortState
    blocking: list[Socket]
    holding: dict[int, list[int]]


_PLAIN = {
    PortState.FREE: (Standing.FREE, None),
    PortState.NO_ADDRESS: (Standing.UNAVAILABLE, None),
    PortState.RESERVED: (Standing.RESERVED, Holder(Standing.RESERVED)),
}


def _row(host: str, number: int, finding: _Finding, ours: _Ours) -> PortRow:
    if finding.state in _PLAIN:
        return PortRow(host, number, *_PLAIN[finding.state])
    holder = _holder(finding, ours)
    return PortRow(host, number, holder.standing, holder)


def _blocking(host: str, port: int) -> list[Socket]:
    """Return the listeners in the way, or else whatever is bound there: connections, sockets that do not listen."""
    rows = touching(system_sockets(port, _EVERY_STATE), host)
    return [row for row in rows if row.state == LISTEN] or rows


def _holder(finding: _Finding, ours: _Ours) -> Holder:
    found = {pid for row in finding.blocking for pid in (row.pid, *finding.holding.get(row.inode, ())) if pid}
    if found:
        return _portrait(found, ours)
    if finding.blocking and all(row.state == TIME_WAIT or not row.inode for row in finding.blocking):
        return Holder(Standing.CLOSING)
    uid = finding.blocking[0].uid if finding.blocking else None
    return Holder(Standing.UNKNOWN, user=None if uid is None else processes.user_name(uid))


def _portrait(pids: set[int], ours: _Ours) -> Holder:
    """Describe one of several processes that share a socket: the first started that carries markers, or the first."""
    rows = [row for pid in pids if (row := processes.read(pid))]
    oldest_first = [row.pid for row in sorted(rows, key=lambda row: (row.start_ticks, row.pid))] or sorted(pids)
    marked = [(pid, marks) for pid in oldest_first if (marks := _marks(pid))]
    pid, marks = marked[0] if marked else (oldest_first[0], _NO_MARKS)
    return Holder(
        marks.standing(ours),
        pid,
        processes.command_line(pid),
        processes.user(pid),
        processes.age(pid),
        *marks,
    )


class _Marks(NamedTuple):
    project: str | None
    service: str | None
    instance: str | None

    def standing(self, ours: _Ours) -> Standing:
        if ours.project is None or self.project != ours.project:
            return Standing.FOREIGN
        if self.instance in ours.instances:
            return Standing.OURS
        here = (self.instance or "").rpartition("/")[2].startswith(ours.tag)
        return Standing.ORPHANED if here else Standing.FOREIGN


_NO_MARKS = _Marks(None, None, None)


def _marks(pid: int) -> _Marks | None:
    """Return the markers of the process or of the nearest one above it that has any."""
    for _ in range(_HIGHEST_TREE):
        variables = processes.environment(pid) or {}
        if INSTANCE in variables:
            project, service, instance = (variables.get(key) for key in (PROJECT, SERVICE, INSTANCE))
            return _Marks(_text(project), _text(service), _text(instance))
        row = processes.read(pid)
        if row is None or row.ppid <= 1:
            return None
        pid = row.ppid
    return None


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")
