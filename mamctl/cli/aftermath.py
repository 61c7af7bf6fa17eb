"""A run that was over before anybody could listen: its events and logs are on disk, so it is told from there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from mamctl.cli.departure import NOTHING_LEFT, Departure, Left
from mamctl.cli.status import at_rest
from mamctl.cli.tailing import follow
from mamctl.core.manifest.choices import OnDeath
from mamctl.runtime.history import read_events
from mamctl.runtime.orphans import end_orphans, find_orphans
from mamctl.ui.narration import Narration
from mamctl.ui.progress import Progress
from mamctl.ui.stream import Stream
from mamctl.ui.timeline import interleave

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mamctl.cli.invocation import Invocation
    from mamctl.control.place import Place
    from mamctl.runtime.logs.reader import LogFiles


def last_word(place: Place, since: int) -> Mapping[str, Any] | None:
    """Return the `{"code", "reason"}` that a supervisor left with after event `since`, None when it said nothing."""
    said = [event["data"]["ending"] for event in read_events(place.events) if _is_last(event, since)]
    return said[-1] if said else None


def end_what_is_left(invocation: Invocation) -> Left:
    """End what a supervisor left that was lost, maybe together with its guardian.

    A service that is to outlive its supervisor is left alone: the next `up` takes it over.
    """
    services = invocation.manifest().services.values()
    spared = {spec.name for spec in services if spec.on_supervisor_death is OnDeath.KEEP}
    journal = invocation.place.journal
    ended = end_orphans(lambda: [orphan for orphan in find_orphans(journal) if orphan.service not in spared])
    return Left(ended, list(dict.fromkeys(orphan.service for orphan in find_orphans(journal))))


def _is_last(event: Mapping[str, Any], since: int) -> bool:
    return bool(event["seq"] > since and "ending" in (event.get("data") or {}))


def tell_aftermath(invocation: Invocation, since: int, positions: Mapping[LogFiles, int]) -> int:
    """Say what happened after event `since`, in the order of time; return the run's exit code."""
    progress = Progress(at_rest(invocation.manifest()), time.monotonic())
    stream = Stream(list(progress.rows), invocation.paint)
    narration = Narration(progress, stream, invocation.paint)
    written = sorted(_written(invocation, stream, list(progress.rows), positions), key=lambda pair: pair[0])
    invocation.say(interleave(_happened(invocation, narration, since), written))
    left = NOTHING_LEFT if narration.ending else end_what_is_left(invocation)
    code, words = Departure(invocation.paint).finish(narration.ending, left)
    invocation.say(words)
    return code


def _happened(
    invocation: Invocation, narration: Narration, since: int
) -> Iterator[tuple[Mapping[str, Any], Sequence[str]]]:
    for event in read_events(invocation.place.events):
        if event["seq"] > since:
            yield event, narration.tell(event, time.monotonic(), width=None, live=False)


def _written(
    invocation: Invocation, stream: Stream, names: list[str], positions: Mapping[LogFiles, int]
) -> Iterator[tuple[float, str]]:
    with follow(invocation.place, names, positions) as follower:
        while True:
            for line in follower.poll(rest=True):
                yield line.at, stream.line(line.service, line.at, line.line)
            if not follower.pending:
                return
