"""The restart budget: how long to wait before the next automatic restart, and when to give up.

Crashes and failed liveness spend the same budget (nomad's lesson: health-triggered restarts that are counted apart
restart for ever). Attempts older than `window` are forgotten, but never those of the current unready streak: a
service that dies slowly is given up too. `reset_after` seconds of ready time, or the operator's word, clear it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mamctl.core.dataclass import dataclass

if TYPE_CHECKING:
    from mamctl.core.manifest.model import RestartPolicy

# Beyond this the delay has long reached its cap; it bounds what an endless policy remembers.
REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class Budget:
    """Times of the attempts so far; the first `settled` of them lie before the last ready time and may age out."""

    attempts: tuple[float, ...] = ()
    settled: int = 0

    def spend(self, policy: RestartPolicy, at: float, luck: float) -> tuple[Budget, float | None]:
        """Return the budget after one more attempt and the seconds to wait before it; None: it is spent."""
        old = [time for time in self.attempts[: self.settled] if time > at - policy.window]
        kept = (*old, *self.attempts[self.settled :])
        if policy.max_attempts is not None and len(kept) >= policy.max_attempts:
            return Budget(kept, len(old)), None
        delay = delay_before(policy, len(kept), luck)
        excess = max(0, len(kept) + 1 - REMEMBERED) if policy.max_attempts is None else 0
        return Budget((*kept, at)[excess:], max(0, len(old) - excess)), delay

    def became_ready(self) -> Budget:
        """End the unready streak: its attempts may age out from now on."""
        return Budget(self.attempts, len(self.attempts))


def delay_before(policy: RestartPolicy, attempts: int, luck: float) -> float:
    """Return the seconds before the next attempt after `attempts` of them: min(cap, delay * factor^n), +- jitter."""
    delay = min(policy.max_delay, policy.delay * policy.factor ** min(attempts, REMEMBERED))
    return float(delay * (1 + policy.jitter * (2 * luck - 1)))
