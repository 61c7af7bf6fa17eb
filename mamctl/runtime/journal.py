"""What a supervisor did, so that the next one knows: append-only JSON lines, the intent before each spawn.

Records: `begin` (version, boot, ports), `intent` (service, generation, instance), `spawned` (pid and identity),
`ended`, `down`. A torn last line is passed over: its writer died before it was done.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1


class Journal:
    """Appends records to a file of our own (0600)."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def write(self, kind: str, **data: object) -> None:
        """Append one record. Without fsync: what must survive is our death, not the machine's."""
        try:
            os.write(self._file, json.dumps({"type": kind, **data}).encode() + b"\n")
        except OSError:
            return  # a full disk; the marker in each process's environment still tells whose it is

    def begin(self, ports: Mapping[tuple[str, str], int]) -> None:
        """Start anew: what was recorded before is over."""
        os.ftruncate(self._file, 0)
        self.ports(ports)

    def ports(self, ports: Mapping[tuple[str, str], int]) -> None:
        """Record the ports that this run chose."""
        chosen = [[service, name, number] for (service, name), number in ports.items()]
        self.write("begin", version=VERSION, pid=os.getpid(), ports=chosen)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def read_journal(path: str) -> list[dict[str, Any]]:
    """Return the records of a journal, nothing when there is none."""
    try:
        with open(path, "rb") as file:
            lines = file.read().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            found.append(record)
    return found


def previous_ports(path: str) -> dict[tuple[str, str], int]:
    """Return the ports that the last run chose: `auto` prefers to stay where it was."""
    for record in reversed(read_journal(path)):
        if record.get("type") == "begin":
            return {
                (entry[0], entry[1]): entry[2]
                for entry in record.get("ports", ())
                if isinstance(entry, list) and len(entry) == 3 and isinstance(entry[2], int)
            }
    return {}
