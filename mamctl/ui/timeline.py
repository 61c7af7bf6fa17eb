"""What happened and what was written, told in one order: that of time."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from mamctl.ui.amounts import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Event = Mapping[str, Any]

# Output comes after these, before all others.
_BEGINNINGS: Final = frozenset({"supervisor-started", "waiting", "starting", "restarting"})
# Events carry whole milliseconds, lines do not: what came within that of an event is as old as the event.
_SAME: Final = 0.001


def interleave(happened: Iterable[tuple[Event, Sequence[str]]], written: Iterable[tuple[float, str]]) -> list[str]:
    """Return the lines told of events and those of logs, as they came; each keeps its order among its own.

    A service's end is recorded after its last output, so that is told before it.
    """
    lines: list[str] = []
    waiting = deque(written)
    for event, told in happened:
        until = moment(event.get("at")) + (0.0 if event.get("type") in _BEGINNINGS else _SAME)
        while waiting and waiting[0][0] < until:
            lines.append(waiting.popleft()[1])
        lines += told
    return [*lines, *(line for _, line in waiting)]
