"""What is counted over time: exits by reason, times to ready, how long probes took.

Exits and ready times are read from the history when somebody asks, from where the last question ended; nobody pays for
them before. Counts begin with the supervisor, as those that Prometheus reads may.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mamctl.runtime.history import History

Sample = tuple[str, dict[str, str], float]
# Seconds. A probe has a timeout of 2 s unless it says otherwise, a start one of 30 s.
PROBE_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
START_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_BATCH: Final = 500


class Histogram:
    """Counts values up to each bound."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def samples(self, labels: dict[str, str]) -> list[Sample]:
        """Return the samples: for each bound how many were not above it, then the sum and the count."""
        total, found = 0, []
        for bound, count in zip((*self._bounds, float("inf")), self._counts, strict=True):
            total += count
            shown = "+Inf" if bound == float("inf") else f"{bound:g}"
            found.append(("_bucket", {**labels, "le": shown}, float(total)))
        return [*found, ("_sum", labels, self._sum), ("_count", labels, float(total))]


class Tally:
    """Counts what the history tells, from the moment when this supervisor began."""

    def __init__(self, history: History) -> None:
        self.exits: Counter[tuple[str, str]] = Counter()
        self.starts: dict[str, Histogram] = {}
        self._history = history
        self._seen = history.began

    async def catch_up(self) -> None:
        """Count what has happened since the last time; between two batches others have their turn."""
        while batch := self._history.since(self._seen, _BATCH):
            for event in batch:
                self._count(event)
            self._seen = batch[-1]["seq"]
            await asyncio.sleep(0)

    def _count(self, event: dict[str, Any]) -> None:
        name, data = event["service"], event["data"]
        if event["type"] == "process-exit":
            self.exits[name, str(data.get("reason") or "clean")] += 1
        elif event["type"] == "started" and data.get("ready_after_s") is not None:
            self.starts.setdefault(name, Histogram(START_BUCKETS)).add(data["ready_after_s"])
