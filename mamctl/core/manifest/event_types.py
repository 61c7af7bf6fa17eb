"""The types of events that a service with `events:` can ask for: supervisord's names, and which of them mean others.

Whoever asks for a class, as PROCESS_STATE, gets every type beneath it.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from .choices import Kind
from .findings import Invalid, kind_of
from .nearest import nearest
from .shapes import INTERPOLATED, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .draft import Drafted
    from .findings import Findings

# So many events wait for a listener, or a pool of them; then the oldest is dropped. Hundreds of services that start at
# once make a thousand before a listener has come up.
BUFFERED: Final = 10_000
_STATES: Final = ("STOPPED", "EXITED", "STARTING", "STOPPING", "BACKOFF", "FATAL", "RUNNING", "UNKNOWN")

# Each type, and the class that it belongs to.
PARENTS: Final[Mapping[str, str | None]] = MappingProxyType({
    "EVENT": None,
    "PROCESS_STATE": "EVENT",
    **{f"PROCESS_STATE_{state}": "PROCESS_STATE" for state in _STATES},
    "SUPERVISOR_STATE_CHANGE": "EVENT",
    "SUPERVISOR_STATE_CHANGE_RUNNING": "SUPERVISOR_STATE_CHANGE",
    "SUPERVISOR_STATE_CHANGE_STOPPING": "SUPERVISOR_STATE_CHANGE",
    "TICK": "EVENT",
    "TICK_5": "TICK",
    "TICK_60": "TICK",
    "TICK_3600": "TICK",
    "PROCESS_GROUP": "EVENT",
    "PROCESS_GROUP_ADDED": "PROCESS_GROUP",
    "PROCESS_GROUP_REMOVED": "PROCESS_GROUP",
})  # fmt: skip

_OUTPUT: Final = "output goes to the log without passing through the supervisor, so it makes no events"
_FOLLOW: Final = "read `mamctl logs --follow --json` instead"
# Types that supervisord has and that are never sent here: why, and what to do instead.
UNSENT: Final[Mapping[str, tuple[str, str]]] = MappingProxyType({
    **dict.fromkeys(("PROCESS_LOG", "PROCESS_LOG_STDOUT", "PROCESS_LOG_STDERR"), (_OUTPUT, _FOLLOW)),
    **dict.fromkeys(
        ("PROCESS_COMMUNICATION", "PROCESS_COMMUNICATION_STDOUT", "PROCESS_COMMUNICATION_STDERR"), (_OUTPUT, _FOLLOW)
    ),
    "REMOTE_COMMUNICATION": ("nobody can send events of his own here", "let the sender talk to the service itself"),
})  # fmt: skip


_HINT: Final = "PROCESS_STATE_EXITED, TICK_60 ...: docs/event-listeners.md has them all"


def event_type(value: object) -> str:
    """Return the name of a type that is sent. Raises `Invalid`."""
    if isinstance(value, str) and value in PARENTS:
        return value
    if isinstance(value, str) and value in UNSENT:
        why, instead = UNSENT[value]
        raise Invalid(f"{value} is never sent: {why}", instead)
    near = nearest(value, PARENTS) if isinstance(value, str) else None
    raise Invalid(f"{kind_of(value)} is no type of event", f"did you mean {near}?" if near else _HINT)


def covers(types: Iterable[str], name: str) -> bool:
    """Tell whether who asked for these types gets one of this name."""
    asked, found = frozenset(types), name
    while found not in asked:
        above = PARENTS.get(found)
        if above is None:
            return False
        found = above
    return True


EVENT_TYPE: Final = Scalar(event_type, {"enum": list(PARENTS)}, INTERPOLATED)


def check_events(drafted: Drafted, found: Findings) -> None:
    """Note what a listener for events cannot be: anything but a service with its own input and output."""
    at, wish = (*drafted.at, "events"), drafted.wish
    if wish.kind is Kind.TASK:
        found.add(at, "a task does not go on listening", "write kind: service, or leave it out")
    elif wish.kind is Kind.EXTERNAL:
        found.add(at, "an external service cannot be spoken to through its input", "write a service of its own for it")
    elif wish.tty:
        found.add(at, "events are told through its input and output, which a terminal would take", "leave tty out")
    elif not wish.events and drafted.raw.get("events") == []:
        found.add(at, "it asks for no event", "write the types, or EVENT for all of them")
