"""A service of an earlier supervisor meets the new one: adopted where its leader lives, buried where it does not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mamctl.core.events import Remembered
from mamctl.core.states import State
from mamctl.runtime.adoption import last_known
from mamctl.runtime.incarnation import Ended
from mamctl.runtime.incarnations import run_digest
from mamctl.runtime.launcher import Launched
from mamctl.runtime.processes import is_dead
from mamctl.runtime.processes.pinned import NONE, unpin

if TYPE_CHECKING:
    from mamctl.core.manifest.model import ServiceSpec
    from mamctl.runtime.incarnations import Incarnations
    from mamctl.runtime.recollection import Trace


def remember(
    trace: Trace, leader: Launched | None, spec: ServiceSpec, incarnations: Incarnations, *, spared: bool
) -> tuple[Remembered, Ended | None]:
    """Adopt the leader of a service if it lives, else bury it. Return what is known now, and how it died unseen."""
    past = last_known(trace)
    found = Remembered(trace.service, past, spared=spared, changed=trace.run not in ("", run_digest(spec)))
    if past.generation != trace.generation:
        if leader is not None:
            unpin(leader.pidfd)
        return found, None
    if leader is not None and not is_dead(leader.pid):
        incarnations.adopt(spec, trace.generation, trace.instance, leader)
        return replace(found, pid=leader.pid), None
    if leader is None and trace.pid is not None:
        leader = Launched(trace.pid, NONE)
    if leader is None:
        return found, None
    how = incarnations.bury(spec, trace.generation, trace.instance, leader)
    if trace.ended:
        how = Ended(trace.code, trace.signal)
        if past.state not in (State.STARTING, State.READY, State.UNHEALTHY):
            return found, None  # what follows from its end is known already
    return replace(found, pid=leader.pid, died=True), how
