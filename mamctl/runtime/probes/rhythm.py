"""How often a service that is starting is asked."""

from __future__ import annotations

from typing import Final

SHORTEST: Final = 0.005
LONGEST: Final = 0.05


def next_delay(elapsed: float) -> float:
    """Return the seconds until the next probe, `elapsed` seconds after the spawn.

    The first after 5 ms, then a tenth of the time waited so far, between 5 and 50 ms: readiness is seen at most 10 %
    late, and a service that takes 30 s is asked 600 times, not 6,000.
    """
    return min(LONGEST, max(SHORTEST, elapsed / 10))
