"""What an earlier supervisor of this home left: its journal, the processes that live, what nobody knows any more."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mamctl.runtime.adoption import find_survivors, pinned, unrecorded
from mamctl.runtime.journal import read_journal, still_holding
from mamctl.runtime.processes.pinned import unpin
from mamctl.runtime.recollection import Trace, recollect

if TYPE_CHECKING:
    from collections.abc import Collection


class Legacy:
    """Read once, before a new supervisor writes its own first record. `leaders` are ours to close.

    Unless the last supervisor left in order, the journal may lack something: the disk was full, or it was damaged. So
    whoever bears this home's mark is looked for too, and no service is ever started beside its own process.
    """

    def __init__(self, journal: str) -> None:
        found = read_journal(journal)
        self.records = still_holding(found)
        self.recollection = recollect(self.records)
        self.leaders = find_survivors(self.recollection.traces.values())
        self._doubles: list[str] = []
        if os.path.exists(journal) and not (found and found[-1]["type"] == "down"):
            self._find_unrecorded(os.path.dirname(journal))

    def _find_unrecorded(self, home: str) -> None:
        """Take processes that no record names for what they are; of two of one service the second is to be ended."""
        traces = self.recollection.traces
        known = {trace.instance for trace in traces.values()}
        for orphan, instance in unrecorded(home, known):
            trace = traces.get(orphan.service) or Trace(orphan.service)
            if trace.instance == instance:
                continue  # what the leader that was just found has forked
            leader = None if orphan.service in self.leaders else pinned(orphan.pid)
            if leader is None:
                self._doubles.append(instance)
                continue
            past = trace.past
            generation = max(1, trace.generation, past.generation if past else 0)
            traces[orphan.service] = Trace(orphan.service, generation, instance, pid=orphan.pid, past=past)
            self.leaders[orphan.service] = leader

    @property
    def running(self) -> Collection[str]:
        """The services that have a process still, and so their ports."""
        return self.leaders.keys()

    def strays(self, known: Collection[str]) -> list[str]:
        """Return the markers of what is to be ended: second processes, and services that are not `known` any more.

        Those are forgotten.
        """
        traces = self.recollection.traces
        gone = [name for name in traces if name not in known]
        for name in gone:
            if leader := self.leaders.pop(name, None):
                unpin(leader.pidfd)
        return [*self._doubles, *(traces.pop(name).instance for name in gone)]
