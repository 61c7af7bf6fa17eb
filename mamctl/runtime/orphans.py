"""Processes of services whose supervisor is gone and that nobody adopts: found by journal and marker, and ended.

Nothing here needs a loop: it is done before a supervisor starts, or by the command that finds none and can start none.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from mamctl.runtime.journal import read_journal, still_holding

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

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
    records = read_journal(journal)
    instances: set[str] = set()
    for record in records:
        match record:
            case {"type": "intent", "instance": str(instance)}:
                instances.add(instance)
            case {"type": "down"}:
                instances.clear()
            case _:
                pass
    if not instances:
        return []
    marked = find_marked(instances)
    known = {orphan.pid for orphan in marked}
    return [*marked, *(leader for leader in _recorded(records) if leader.pid not in known)]


def _recorded(records: list[dict[str, Any]]) -> list[Orphan]:
    """Return the leaders that are known by pid and start time: one may have written over its environment."""
    from mamctl.runtime.adoption import find_survivors
    from mamctl.runtime.processes import is_dead
    from mamctl.runtime.processes.pinned import unpin
    from mamctl.runtime.recollection import recollect

    found = find_survivors(recollect(still_holding(records)).traces.values())
    for leader in found.values():
        unpin(leader.pidfd)
    return [Orphan(service, leader.pid) for service, leader in found.items() if not is_dead(leader.pid)]


def find_marked(instances: Collection[str]) -> list[Orphan]:
    """Return the living processes with one of these markers."""
    if not instances:
        return []
    from mamctl.runtime.processes import marked

    found = marked(MARKER, {instance.encode() for instance in instances})
    return [Orphan(service_of(value), pid) for pid, value in found if pid != os.getpid()]


def find_left(home: str, journal: str) -> list[Orphan]:
    """Return all that a supervisor left; also what no record names, if it did not leave in order: some may be lost."""
    found = find_orphans(journal)
    records = read_journal(journal)
    if not os.path.exists(journal) or (records and records[-1]["type"] == "down"):
        return found
    return [*found, *find_unknown(home, journal)]


def find_unknown(home: str, journal: str) -> list[Orphan]:
    """Return the living processes that were started from this home and that its journal does not know."""
    from mamctl.runtime.environment import home_tag
    from mamctl.runtime.processes import marked

    tag = home_tag(home).encode()
    ours = [(pid, value) for pid, value in marked(MARKER) if value.rpartition(b"/")[2].startswith(tag)]
    # Read after the look at the processes: a service that is just being started has its record before it lives.
    theirs = {str(record.get("instance")).encode() for record in read_journal(journal) if record["type"] == "intent"}
    return [Orphan(service_of(value), pid) for pid, value in ours if value not in theirs and pid != os.getpid()]


def end_orphans(find: Callable[[], list[Orphan]], grace: float = GRACE_SECONDS) -> list[str]:
    """End what `find` finds: TERM, the grace period, KILL. Return the services' names, once each."""
    from mamctl.runtime.sweeper import send

    found = find()
    names = list(dict.fromkeys(orphan.service for orphan in found))
    for signum, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, KILL_SECONDS)):
        until = time.monotonic() + seconds
        send([orphan.pid for orphan in found], signum)
        while found and time.monotonic() < until:
            time.sleep(PAUSE)
            found = find()
    return names


def service_of(instance: bytes) -> str:
    """Return the service that a marker names: `project/service/...`."""
    return instance.split(b"/")[-2].decode(errors="replace") if instance.count(b"/") >= 2 else "?"
