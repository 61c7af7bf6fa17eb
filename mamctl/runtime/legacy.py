"""What an earlier supervisor of this home left: its journal, the processes that live, what nobody knows any more."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mamctl.runtime.adoption import find_survivors
from mamctl.runtime.journal import read_journal, still_holding
from mamctl.runtime.recollection import recollect

if TYPE_CHECKING:
    from collections.abc import Collection


class Legacy:
    """Read once, before a new supervisor writes its own first record. `leaders` are ours to close."""

    def __init__(self, journal: str) -> None:
        self.records = still_holding(read_journal(journal))
        self.recollection = recollect(self.records)
        self.leaders = find_survivors(self.recollection.traces.values())

    @property
    def running(self) -> Collection[str]:
        """The services that have a process still, and so their ports."""
        return self.leaders.keys()

    def strays(self, known: Collection[str]) -> list[str]:
        """Return the markers of services that are not `known` any more, and forget these services."""
        traces = self.recollection.traces
        gone = [name for name in traces if name not in known]
        for name in gone:
            if leader := self.leaders.pop(name, None):
                os.close(leader.pidfd)
        return [traces.pop(name).instance for name in gone]
