"""What listeners are told of a service, in the words of supervisord: the events that it would have sent.

supervisord knows fewer moments than we do, and its listeners rely on which of them follow each other:

    STOPPED -> STARTING -> RUNNING -> EXITED -> STARTING ...                  a crash, and the start after it
               STARTING -> BACKOFF -> STARTING -> BACKOFF -> FATAL            a start that fails, until it is given up
                           RUNNING -> STOPPING -> STOPPED                     a stop, also one of a sick service

So what is told depends on what was told last, which is kept for each service (`Track`), also from one supervisor to the
next. `MOVES` is all there is to it; what is not in it is no news to a listener. When a process ends while it is being
started, only what follows tells how it is to be called: that is told then.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mamctl.core.dataclass import dataclass
from mamctl.core.manifest.choices import Kind
from mamctl.core.states import Reason, State
from mamctl.core.supervisord_states import ProcessState, process_state

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from mamctl.core.manifest.model import ServiceSpec

_STOPPED, _STARTING, _RUNNING = ProcessState.STOPPED, ProcessState.STARTING, ProcessState.RUNNING
_BACKOFF, _STOPPING = ProcessState.BACKOFF, ProcessState.STOPPING
_EXITED, _FATAL = ProcessState.EXITED, ProcessState.FATAL


class Told(NamedTuple):
    """One event as a listener gets it: the name of its type, and its payload."""

    type: str
    payload: str


@dataclass(frozen=True, slots=True)
class Track:
    """What listeners know of a service: its state, its pid, how many starts failed in a row.

    `clean`: how it ended while it was being started; None: it did not.
    """

    state: ProcessState = ProcessState.STOPPED
    pid: int = 0
    tries: int = 0
    clean: bool | None = None


class Subject(NamedTuple):
    """Of whom an event is: its name, the name in the manifest (its group), and how it ends well."""

    name: str
    group: str
    task: bool = False
    success: frozenset[int] = frozenset({0})


def subject_of(spec: ServiceSpec) -> Subject:
    """Return how a service is known to listeners."""
    run = spec.external.spawned if spec.external and spec.external.spawned else spec
    return Subject(spec.name, spec.service, spec.kind is Kind.TASK, run.success_exit_codes)


def _from(states: Iterable[ProcessState], *then: ProcessState) -> dict[ProcessState, tuple[ProcessState, ...]]:
    return dict.fromkeys(states, then)


_ALIVE: Final = (_STARTING, _RUNNING)
_NEVER: Final[Mapping[ProcessState, tuple[ProcessState, ...]]] = MappingProxyType({})
_ELSEWHERE: Final = tuple(state for state in ProcessState if state is not _STARTING)

# What happened (`_moment`), what listeners know, and which states they are told one after the other.
MOVES: Final[Mapping[str, Mapping[ProcessState, tuple[ProcessState, ...]]]] = MappingProxyType({
    "starting": _from(_ELSEWHERE, _STARTING),
    "run begins": _from(_ELSEWHERE, _STARTING, _RUNNING) | _from([_STARTING], _RUNNING),
    "spawn failed": _from(_ELSEWHERE, _STARTING),
    "started": _from([state for state in ProcessState if state is not _RUNNING], _RUNNING),
    "healthy": _from([state for state in ProcessState if state is not _RUNNING], _RUNNING),
    "stopping": _from(_ALIVE, _STOPPING),
    "process-exit": _from([_STOPPING], _STOPPED) | _from([_RUNNING], _EXITED),
    "backoff": _from([_STARTING], _BACKOFF),
    "too slow": _from([_STARTING, _STOPPED], _BACKOFF),
    "restarting": _from([_STARTING], _BACKOFF),
    "completed": _from(_ALIVE, _EXITED),
    "ended badly": _from(_ALIVE, _EXITED),
    "failed": _from([_STARTING], _BACKOFF, _FATAL)
    | _from([_STOPPED, _RUNNING, _BACKOFF, _STOPPING, _EXITED], _FATAL),
    "stopped": _from([*_ALIVE, _BACKOFF, _STOPPING], _STOPPED),
})  # fmt: skip


def tell(track: Track, about: Subject, kind: str, data: Mapping[str, Any]) -> tuple[Track, tuple[Told, ...]]:
    """Return what listeners know after an event of the history, and what they are told of it."""
    if "pid" in data and kind in ("starting", "adopted"):
        track = replace(track, pid=data["pid"], clean=None)
    if kind == "adopted":
        # Who is told of nothing knows as much as before; without a record, what is true now.
        return (track, ()) if track.state in (*_ALIVE, _STOPPING) else (replace(track, state=_now(about, data)), ())
    if kind == "process-exit":
        track = replace(track, clean=data.get("exit_code") in about.success)
    told: list[Told] = []
    for state in MOVES.get(_moment(about, kind, data), _NEVER).get(track.state, ()):
        track, said = _move(track, about, state)
        told.append(said)
    return track, tuple(told)


def _now(about: Subject, data: Mapping[str, Any]) -> ProcessState:
    return process_state(State(data["state"]), task=about.task)


def _moment(about: Subject, kind: str, data: Mapping[str, Any]) -> str:
    """Return the moment of `MOVES` that an event of ours is."""
    if kind == "starting" and about.task:
        return "run begins"
    if kind in ("process-error", "port-conflict"):
        return "spawn failed"
    if kind == "backoff" and data.get("reason") == Reason.START_TIMEOUT:
        return "too slow"
    if kind == "failed" and data.get("reason") and process_state(State.FAILED, Reason(data["reason"])) is _EXITED:
        return "ended badly"
    return kind


def _move(track: Track, about: Subject, state: ProcessState) -> tuple[Track, Told]:
    tries = track.tries + 1 if state is _BACKOFF else track.tries
    values = {"tries": tries, "expected": int(bool(track.clean)), "pid": track.pid}
    more = "".join(f" {key}:{values[key]}" for key in EXTRA[state])
    payload = f"processname:{about.name} groupname:{about.group} from_state:{track.state.name}{more}"
    over = state in (_STOPPED, _EXITED, _FATAL, _BACKOFF)
    kept = tries if state in (_STARTING, _STOPPING, _BACKOFF) else 0
    known = Track(state, 0 if over else track.pid, kept, None if over else track.clean)
    return known, Told(f"PROCESS_STATE_{state.name}", payload)


# What the payload has beside the name, the group and the state before.
EXTRA: Final[Mapping[ProcessState, tuple[str, ...]]] = MappingProxyType({
    ProcessState.STOPPED: ("pid",),
    ProcessState.STARTING: ("tries",),
    ProcessState.RUNNING: ("pid",),
    ProcessState.BACKOFF: ("tries",),
    ProcessState.STOPPING: ("pid",),
    ProcessState.EXITED: ("expected", "pid"),
    ProcessState.FATAL: (),
})  # fmt: skip


# Events that are of no service ---------------------------------------------------------------------------------------

BEGUN: Final = Told("SUPERVISOR_STATE_CHANGE_RUNNING", "")
ENDING: Final = Told("SUPERVISOR_STATE_CHANGE_STOPPING", "")
PERIODS: Final = (5, 60, 3600)


def regrouped(before: Collection[str], after: Collection[str]) -> tuple[Told, ...]:
    """Return what is told of groups that came and went: services, by their names in the manifest."""
    gone = [Told("PROCESS_GROUP_REMOVED", f"groupname:{name}\n") for name in before if name not in after]
    come = [Told("PROCESS_GROUP_ADDED", f"groupname:{name}\n") for name in after if name not in before]
    return (*gone, *come)


def ticks(last: Mapping[int, int], now: float) -> tuple[dict[int, int], tuple[Told, ...]]:
    """Return the beginnings of the periods that `now` (seconds since 1970) lies in, and what is told of new ones.

    A period that began unseen is told once, however many passed. The clock may be set back.
    """
    current = {period: int(now // period * period) for period in PERIODS}
    new = [period for period in PERIODS if last.get(period, current[period]) != current[period]]
    return current, tuple([Told(f"TICK_{period}", f"when:{current[period]}") for period in new])
