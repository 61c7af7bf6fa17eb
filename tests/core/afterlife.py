"""What comes after a supervisor: another one, who has what the first wrote down, and finds the processes that live.

It may have been killed before it wrote down what came of the last event (`stale`), or before it was told that a process
exists. Processes may end while there is no supervisor (`unseen`).
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from mamctl.core.events import Recalled, Remembered
from mamctl.core.past import Past, as_document, from_document, past_of
from mamctl.core.states import State, Wanted
from mamctl.core.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mamctl.core.actions import Action
    from mamctl.core.manifest.model import Manifest
    from mamctl.core.service import Service
    from tests.core.hands import Hands

Ends = dict[str, tuple[int | None, int | None]]


def twin(hands: Hands) -> Hands:
    """Return another one to whom the same happened; what is only replaced, never changed, they share."""
    other = copy(hands)
    pending = ("spawning", "looking", "cleaning", "probes", "timers", "followed")
    for name in (*pending, "said", "past", "intents", "born", "unseen", "errands", "asked"):
        setattr(other, name, copy(getattr(hands, name)))
    other.running = {name: replace(process, signals=[*process.signals]) for name, process in hands.running.items()}
    other.supervisor = copy(hands.supervisor)
    other.supervisor.services = dict(hands.services)
    return other


def die(hands: Hands, *, exist: Collection[str] = ()) -> None:
    """Let the supervisor die, and with it what only it knew. Of those that are being spawned some may `exist`."""
    for name in tuple(hands.spawning):
        if name in exist:
            hands.let_exist(name)
    for held in (hands.spawning, hands.cleaning, hands.looking, hands.probes, hands.timers, hands.followed, hands.past):
        held.clear()
    hands.errands.clear()
    hands.asked.clear()
    for process in hands.running.values():
        # Whoever comes next signals again.
        process.signals.clear()


def follow_on(
    hands: Hands,
    manifest: Manifest,
    *,
    proven: bool = True,
    spared: bool = True,
    unfit: str | None = None,
    changed: Collection[str] = (),
    stale: bool = False,
    unseen: Mapping[str, tuple[int | None, int | None]] | None = None,
) -> list[Action]:
    """Let the next supervisor take over; return what it does at once."""
    known = hands.before if stale else hands.services
    pasts = {name: _written(service) for name, service in known.items() if name in manifest.services}
    hands.supervisor = Supervisor(manifest)
    ends: Ends = {}
    found = [
        _remembered(hands, name, pasts.get(name), {**(unseen or {})}, ends)
        for name in manifest.services
        if name in pasts or name in hands.intents
    ]
    found = [replace(one, spared=spared, unfit=unfit, changed=one.name in changed) for one in found]
    actions = hands.step(Recalled(tuple(found), hands.now, proven))
    for name, (code, signal) in ends.items():
        actions += hands.exit(name, code, signal)
    return actions


def _written(service: Service) -> Past:
    found = from_document(as_document(past_of(service)))
    assert found is not None
    return found


def _remembered(hands: Hands, name: str, past: Past | None, unseen: Ends, ends: Ends) -> Remembered:
    """Return what a journal and a look at the processes tell; who is gone is entered into `ends`."""
    intent, born = hands.intents.get(name, 0), hands.born.get(name)
    if past is None or past.generation < intent:
        # Only what is wanted was spawned.
        past = Past(Wanted.UP) if past is None else replace(past, wanted=Wanted.UP)
        past = replace(past, generation=intent, state=State.STARTING, reason=None, detail=None, halt=None,
                       attached=False, begun=False, spawned_at=None, ready_at=None, next_attempt_at=None)  # fmt: skip
    found = Remembered(name, past)
    if past.generation != intent or born is None or born.generation != intent:
        return found
    if name in hands.running and name not in unseen:
        return replace(found, pid=born.pid)
    if born.end is not None and past.state not in (State.STARTING, State.READY, State.UNHEALTHY):
        return found
    ends[name] = born.end or unseen[name]
    hands.running[name] = born
    hands.unseen.add(name)
    return replace(found, pid=born.pid, died=True)
