"""What a supervisor did, so that the next one knows: append-only JSON lines, the intent before each spawn.

Records: `begin` (version, pid, ports), `intent` (service, generation, instance), `spawned` (pid), `ended`, `down`.
What is over is dropped now and then, so that the file stays small however often services restart. A torn line is
passed over: its writer died, or its disk was full, before it was done.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1
LARGEST = 1_000_000


class Journal:
    """Writes records to a file of our own (0600)."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._size = 0
        self._torn = False
        # The lines that still hold: the ports, and for each service that runs its intent and its spawn.
        self._ports = b""
        self._alive: dict[str, bytes] = {}

    def begin(self, ports: Mapping[tuple[str, str], int]) -> None:
        """Start anew: what was recorded before is over."""
        self._ports = _line("begin", version=VERSION, pid=os.getpid(), ports=_entries(ports))
        self._alive.clear()
        self._rewrite()

    def ports(self, ports: Mapping[tuple[str, str], int]) -> None:
        """Record that other ports were chosen."""
        self._ports = _line("begin", version=VERSION, pid=os.getpid(), ports=_entries(ports))
        self._append(self._ports)

    def intent(self, service: str, generation: int, instance: str) -> None:
        """Record that a service is about to be spawned."""
        self._alive[service] = _line("intent", service=service, generation=generation, instance=instance)
        self._append(self._alive[service])

    def spawned(self, service: str, generation: int, pid: int) -> None:
        """Record that it was."""
        line = _line("spawned", service=service, generation=generation, pid=pid)
        self._alive[service] = self._alive.get(service, b"") + line
        self._append(line)

    def ended(self, service: str, generation: int, code: int | None, signum: int | None) -> None:
        """Record that its process is gone."""
        self._alive.pop(service, None)
        self._append(_line("ended", service=service, generation=generation, code=code, signal=signum))

    def down(self) -> None:
        """Record that the supervisor left in order."""
        self._append(_line("down"))

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def _append(self, line: bytes) -> None:
        """Without fsync: what must survive is our death, not the machine's."""
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
        lines = self._ports + b"".join(self._alive.values())
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


def _line(kind: str, **data: object) -> bytes:
    return json.dumps({"type": kind, **data}).encode() + b"\n"


def _entries(ports: Mapping[tuple[str, str], int]) -> list[list[object]]:
    return [[service, name, number] for (service, name), number in ports.items()]


def read_journal(path: str) -> list[dict[str, Any]]:
    """Return the records of a journal, nothing when there is none."""
    try:
        with open(path, "rb") as file:
            lines = file.read().splitlines()
    except OSError:
        return []
    return [record for line in lines if (record := _record(line)) is not None]


def previous_ports(path: str) -> dict[tuple[str, str], int]:
    """Return the ports that the last run chose: `auto` prefers to stay where it was."""
    for record in reversed(read_journal(path)):
        entries = record.get("ports")
        if record.get("type") == "begin" and isinstance(entries, list):
            return {(entry[0], entry[1]): entry[2] for entry in entries if _is_port(entry)}
    return {}


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _is_port(entry: object) -> bool:
    match entry:
        case [str(), str(), int(number)]:
            return 0 < number < 65536
        case _:
            return False
