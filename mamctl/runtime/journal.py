"""What a supervisor did and knew, so that the next one goes on from there: append-only JSON lines.

    begin     a supervisor takes over: version, boot, pid, whether services outlive it (`keeps`), the ports it chose
    intent    a service is about to be spawned: generation, the marker in its environment, what it is run as
    spawned   it was: pid and identity
    ended     its process is gone: how
    service   what is true of a service now (`core.past`)
    scale     how many replicas services have in place of the manifest's numbers
    wish      what the operator said of the whole stack: active profiles, whether everything is going down
    request   a change that a client asked for is being made
    down      everything was ended in order: nothing of the above holds any more

Every line carries its checksum: one that is torn (its writer died, the disk was full) or damaged is passed over. What
is over is dropped now and then, so that the file stays small however often services restart.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections import deque
from typing import TYPE_CHECKING, Any
from zlib import crc32

from mamctl.runtime.processes import boot_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from mamctl.runtime.processes import Identity

    Ports = Mapping[tuple[str, str], int]

VERSION = 2
LARGEST = 1_000_000
REMEMBERED_REQUESTS = 256
SUM = b'{"sum": "'
HEAD = len(SUM) + 8 + len(b'", ')


class Journal:
    """Writes records to a file of our own (0600). `keeps`: services are to outlive this supervisor."""

    def __init__(self, path: str, *, keeps: bool = False) -> None:
        self._path = path
        self._keeps = keeps
        self._count = 1
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._size = 0
        self._torn = False
        self._pending = b""
        # The lines that still hold: those about the whole, and for each service the last one of each kind.
        self._whole: dict[str, bytes] = {}
        self._services: dict[str, dict[str, bytes]] = {}
        self._requests: deque[bytes] = deque(maxlen=REMEMBERED_REQUESTS)

    def begin(self, ports: Ports, records: Collection[Mapping[str, Any]] = ()) -> None:
        """Take over from the supervisor that wrote these records, or start anew: what was recorded before is over."""
        self._count = 1 + max(
            (int(record.get("count", 0)) for record in records if record["type"] == "begin"), default=0
        )
        for record in records:
            self._hold(record["type"], record.get("service"), record_line(**record))
        self._whole["begin"] = self._beginning(ports)
        if records:
            self._size = os.fstat(self._file).st_size
            # Whoever wrote last may have been killed in the middle of a line.
            self._torn = True
            self._append(self._whole["begin"])
        else:
            self._rewrite()

    def ports(self, ports: Ports) -> None:
        """Record that other ports were chosen: before what they were chosen for is done."""
        self._note("begin", None, self._beginning(ports), settles=False)

    def scale(self, replicas: Mapping[str, int]) -> None:
        """Record how many replicas services have in place of the manifest's numbers, if that is news."""
        line = record_line(type="scale", replicas=dict(replicas))
        if line != self._whole.get("scale", record_line(type="scale", replicas={})):
            self._note("scale", None, line, settles=False)

    @property
    def count(self) -> int:
        """How many supervisors there were since everything was down, ours included."""
        return self._count

    def intent(self, service: str, generation: int, instance: str, run: str = "") -> None:
        """Record that a service is about to be spawned."""
        self._record("intent", service=service, generation=generation, instance=instance, run=run)

    def spawned(self, service: str, generation: int, pid: int, identity: Identity | None = None) -> None:
        """Record that it was."""
        who = {"started": identity.started, "inode": identity.inode} if identity else {}
        self._record("spawned", service=service, generation=generation, pid=pid, **who)

    def ended(self, service: str, generation: int, code: int | None, signum: int | None) -> None:
        """Record that its process is gone."""
        self._record("ended", service=service, generation=generation, code=code, signal=signum)

    def service(self, service: str, past: Mapping[str, object]) -> None:
        """Record what is true of a service, if that is news."""
        line = record_line(type="service", service=service, past=dict(past))
        if line != self._services.get(service, {}).get("service"):
            self._note("service", service, line)

    def gone(self, service: str) -> None:
        """Record that a service is not known any more."""
        self._record("gone", service=service)

    def wish(self, profiles: Collection[str], *, downing: bool) -> None:
        """Record what the operator wants of the whole stack."""
        self._record("wish", profiles=sorted(profiles), downing=downing)

    def request(self, identity: str, method: str, path: str) -> None:
        """Record that a change is being made: together with the first record of what it changes, or with `settle`.

        So a supervisor that is killed in between has made both, or neither.
        """
        line = record_line(type="request", id=identity, method=method, path=path)
        self._hold("request", None, line)
        self._pending += line

    def settle(self) -> None:
        """Write down requests that changed nothing."""
        if self._pending:
            self._append(b"")

    def down(self) -> None:
        """Record that everything was ended in order."""
        self._append(record_line(type="down"))

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def _beginning(self, ports: Ports) -> bytes:
        chosen = [[service, name, number] for (service, name), number in ports.items()]
        about = {"version": VERSION, "boot": boot_id(), "pid": os.getpid(), "count": self._count}
        return record_line(type="begin", **about, keeps=self._keeps, ports=chosen)

    def _record(self, kind: str, service: str | None = None, **data: object) -> None:
        about = {} if service is None else {"service": service}
        self._note(kind, service, record_line(type=kind, **about, **data))

    def _note(self, kind: str, service: str | None, line: bytes, *, settles: bool = True) -> None:
        self._hold(kind, service, line)
        self._append(line, settles=settles)

    def _hold(self, kind: str, service: str | None, line: bytes) -> None:
        if kind == "request":
            self._requests.append(line)
        elif service is None:
            self._whole[kind] = line
        elif kind == "gone":
            self._services.pop(service, None)
        else:
            lines = self._services.setdefault(service, {})
            if kind == "intent":
                for over in ("spawned", "ended"):
                    lines.pop(over, None)
            lines[kind] = line

    def _append(self, line: bytes, *, settles: bool = True) -> None:
        """Without fsync: what must survive is our death, not the machine's. `settles`: requests are made with it."""
        if settles:
            line, self._pending = self._pending + line, b""
        self._size += len(line)
        if self._size > LARGEST:
            self._rewrite()
            return
        try:
            self._torn = os.write(self._file, b"\n" + line if self._torn else line) < len(line)
        except OSError:
            self._torn = True  # a full disk; the marker in each process's environment still tells whose it is

    def _rewrite(self) -> None:
        """Keep only what still holds. The old file stays until the new one is whole."""
        of_services = [line for lines in self._services.values() for line in lines.values()]
        lines = b"".join([*self._whole.values(), *of_services, *self._requests])
        self._size = len(lines)
        try:
            file = _written(f"{self._path}.new", lines)
            os.replace(f"{self._path}.new", self._path)
        except OSError:
            return  # the old one goes on
        os.close(self._file)
        self._file, self._torn = file, False


def _written(path: str, lines: bytes) -> int:
    """Make a file with these lines and return its descriptor. Raises OSError when there is no room for them."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    file = os.open(path, flags, 0o600)
    with contextlib.suppress(OSError):
        if os.write(file, lines) == len(lines):
            return file
    os.close(file)
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)


def record_line(**data: object) -> bytes:
    """Return a record as a line with its checksum, which `read_journal` reads."""
    body = json.dumps(data).encode()
    return b'%b%08x", %b\n' % (SUM, crc32(body), body[1:])


def still_holding(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the records that may tell something about now: not from before a `down`, or another boot."""
    found: list[dict[str, Any]] = []
    for record in records:
        if record["type"] == "down" or (record["type"] == "begin" and record.get("boot") != boot_id()):
            found.clear()
        if record["type"] != "down":
            found.append(record)
    return found


def read_journal(path: str) -> list[dict[str, Any]]:
    """Return the records of a journal that are whole, nothing when there is none."""
    try:
        with open(path, "rb") as file:
            lines = file.read().split(b"\n")
    except OSError:
        return []
    return [record for line in lines if (record := _record_in(line)) is not None]


def previous_ports(path: str) -> dict[tuple[str, str], int]:
    """Return the ports that the last run chose: `auto` prefers to stay where it was."""
    for record in reversed(read_journal(path)):
        entries = record.get("ports")
        if record["type"] == "begin" and isinstance(entries, list):
            return {(entry[0], entry[1]): entry[2] for entry in entries if _is_port(entry)}
    return {}


def _record_in(line: bytes) -> dict[str, Any] | None:
    body = b"{" + line[HEAD:]
    if not line.startswith(SUM) or line[len(SUM) : HEAD] != b'%08x", ' % crc32(body):
        return None
    try:
        record = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and isinstance(record.get("type"), str) else None


def _is_port(entry: object) -> bool:
    match entry:
        case [str(), str(), int(number)]:
            return 0 < number < 65536
        case _:
            return False
