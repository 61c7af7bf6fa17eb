"""What a supervisor that died left running: found by the markers that its journal names, and ended.

Nothing here needs a loop: it is done before a supervisor starts, or by the command that finds none. Taking orphans
over instead of ending them (adoption) needs the guardian; until then nobody may run a second copy beside them.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, NamedTuple

from mamctl.runtime.journal import read_journal

if TYPE_CHECKING:
    from collections.abc import Collection

MARKER = b"MAMCTL_INSTANCE"
# The grace period of the manifest's default; the manifest itself may have changed since.
GRACE_SECONDS = 10.0
KILL_SECONDS = 2.0
PAUSE = 0.01


class Orphan(NamedTuple):
    """A process of a service whose supervisor is gone."""

    service: str
    pid: int


def find_orphans(journal: str) -> list[Orphan]:
    """Return the processes that the journal's last supervisor started and that live; none after a clean `down`."""
    instances: dict[bytes, str] = {}
    for record in read_journal(journal):
        match record:
            case {"type": "intent", "service": str(service), "instance": str(instance)}:
                instances[instance.encode()] = service
            case {"type": "down"}:
                instances.clear()
            case _:
                pass
    if not instances:
        return []
    from mamctl.runtime.processes import marked

    return [Orphan(instances[value], pid) for pid, value in marked(MARKER, instances.keys()) if pid != os.getpid()]


def end_orphans(journal: str, grace: float = GRACE_SECONDS) -> list[str]:
    """End what a dead supervisor left: TERM, the grace period, KILL. Return the services' names, once each."""
    from mamctl.runtime.sweeper import send

    found = find_orphans(journal)
    names = list(dict.fromkeys(orphan.service for orphan in found))
    for signum, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, KILL_SECONDS)):
        until = time.monotonic() + seconds
        send(_pids(found), signum)
        while found and time.monotonic() < until:
            time.sleep(PAUSE)
            found = find_orphans(journal)
    return names


def _pids(orphans: Collection[Orphan]) -> list[int]:
    return [orphan.pid for orphan in orphans]
