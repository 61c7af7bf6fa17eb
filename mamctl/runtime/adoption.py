"""Find again what an earlier supervisor started.

A process is known again by its pid together with its start time, and by the marker in its environment where that can
be read: a number that was given to somebody else since is never taken for it. One whose supervisor was killed between
the spawn and its record is found by the marker alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mamctl.core.past import Past
from mamctl.core.states import State, Wanted
from mamctl.runtime.environment import MARKER, home_tag
from mamctl.runtime.launcher import Launched
from mamctl.runtime.orphans import Orphan, service_of
from mamctl.runtime.processes import environment, identity, marked, read
from mamctl.runtime.processes.pinned import pin, unpin
from mamctl.runtime.processes.stat import DEAD

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from mamctl.runtime.recollection import Trace


def find_survivors(traces: Iterable[Trace]) -> dict[str, Launched]:
    """Return the leaders that still exist (a zombie does), by service, with a descriptor of each; ours to close."""
    traces = [trace for trace in traces if trace.instance and not trace.ended]
    found = {trace.service: leader for trace in traces if trace.pid is not None and (leader := _known(trace))}
    unrecorded = {trace.instance.encode(): trace.service for trace in traces if trace.pid is None}
    if unrecorded:
        found |= _by_marker(unrecorded)
    return found


def unrecorded(home: str, known: Collection[str]) -> list[tuple[Orphan, str]]:
    """Return the leaders that were started from a home and whose marker is not `known`, each with its marker."""
    tag = home_tag(home).encode()
    found = []
    for pid, value in marked(MARKER.encode()):
        row = read(pid) if value.rpartition(b"/")[2].startswith(tag) else None
        marker = value.decode(errors="replace")
        if row is not None and row.sid == pid and row.state not in DEAD and marker not in known:
            found.append((row.start_ticks, Orphan(service_of(value), pid), marker))
    return [(orphan, marker) for _, orphan, marker in sorted(found)]


def pinned(pid: int) -> Launched | None:
    """Return a process with a descriptor of it, or None when it is gone."""
    try:
        return Launched(pid, pin(pid))
    except OSError:
        return None


def last_known(trace: Trace) -> Past:
    """Return what is known of a service: its record, unless a later spawn overruled it."""
    past = trace.past or Past(wanted=Wanted.UP)
    if past.generation >= trace.generation and trace.past is not None:
        return past
    return replace(
        past,
        wanted=Wanted.UP,  # nothing else is spawned
        generation=max(past.generation, trace.generation),
        state=State.STARTING,
        reason=None,
        detail=None,
        halt=None,
        attached=False,
        begun=False,
        spawned_at=None,
        ready_at=None,
        next_attempt_at=None,
    )


def _known(trace: Trace) -> Launched | None:
    """Return the process that was recorded, if that one still has the number."""
    assert trace.pid is not None
    try:
        pidfd = pin(trace.pid)
    except (OSError, ValueError, OverflowError):
        return None
    if _is_it(trace, trace.pid):
        return Launched(trace.pid, pidfd)
    unpin(pidfd)
    return None


def _is_it(trace: Trace, pid: int) -> bool:
    who = identity(pid)
    if who is None or (trace.started and who.started != trace.started):
        return False
    if trace.inode and who.inode and who.inode != trace.inode:
        return False
    variables = environment(pid)
    marker = variables.get(MARKER.encode()) if variables else None
    if marker is None:
        # It may not be read, was written over, or is gone with a zombie's memory: then the start time must do.
        return bool(trace.started)
    return marker == trace.instance.encode()


def _by_marker(services: Mapping[bytes, str]) -> dict[str, Launched]:
    found = {}
    for pid, value in marked(MARKER.encode(), services.keys()):
        row = read(pid)
        if row is None or row.sid != pid:
            continue  # one that a leader forked
        if leader := pinned(pid):
            found[services[value]] = leader
    return found
