"""A service of an earlier supervisor meets the new one: adopted where its leader lives, buried where it does not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mamctl.core.events import Exited, Recalled, Remembered
from mamctl.core.manifest.choices import OnDeath
from mamctl.core.states import State
from mamctl.runtime.adoption import last_known
from mamctl.runtime.incarnation import Ended
from mamctl.runtime.launcher import Launched
from mamctl.runtime.luck import luck
from mamctl.runtime.processes import is_dead
from mamctl.runtime.processes.pinned import NONE, unpin
from mamctl.runtime.runs import run_digest

if TYPE_CHECKING:
    from mamctl.core.manifest.model import ServiceSpec
    from mamctl.runtime.hands import Hands
    from mamctl.runtime.incarnations import Incarnations
    from mamctl.runtime.legacy import Legacy
    from mamctl.runtime.recollection import Trace


def reunite(hands: Hands, legacy: Legacy, *, proven: bool, orderly: bool) -> None:
    """Let new hands go on where an earlier supervisor ended: adopt the leaders that exist, tell what died unseen.

    `proven`: the guardian was there all the time. `orderly`: that one handed over and did not die.
    """
    services = hands.supervisor.services
    found, ends = [], []
    for trace in legacy.recollection.traces.values():
        service = services[trace.service]
        death = service.spec.on_supervisor_death
        spared = orderly or (legacy.recollection.keeps if death is None else death is OnDeath.KEEP)
        leader = legacy.leaders.get(trace.service)
        remembered, end = remember(trace, leader, service.run, hands.incarnations, spared=spared)
        found.append(remembered)
        ends += [] if end is None else [Exited(*trace.key, end.code, end.signal, hands.now, luck())]
    hands.hooks.recall(tuple(found))
    hands.post(Recalled(tuple(found), hands.now, proven))
    for exited in ends:
        hands.post(exited)
    hands.sockets.recall_others(services)
    _let_go_of_the_gone(hands)


def _let_go_of_the_gone(hands: Hands) -> None:
    """Drop what is kept for services that left the manifest while no supervisor lived."""
    for name in hands.custody.found():
        kind, _, owner = name.partition("/")
        if owner and owner not in hands.supervisor.services:
            hands.outputs.close(owner) if kind == "fifo" else hands.custody.drop(name)


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
        unfit = incarnations.adopt(spec, trace.generation, trace.instance, leader)
        return replace(found, pid=leader.pid, unfit=unfit), None
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
