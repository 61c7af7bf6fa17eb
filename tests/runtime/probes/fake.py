"""A prober that answers as it is told. It keeps the contract of the real one (`test_contract.py` runs on both)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mamctl.runtime.probes import Outcome

if TYPE_CHECKING:
    from mamctl.core.manifest.model import Check, Probe
    from mamctl.runtime.probes import Context

GOOD = Outcome(ok=True, detail="HTTP 200", answered=True)
NOBODY = Outcome(ok=False, detail="connection refused", answered=False)
WRONG = Outcome(ok=False, detail="HTTP 503", answered=True)


class FakeProber:
    """Answers each check with what was last `set` for it (else that nobody is there), and counts what was asked."""

    def __init__(self) -> None:
        self.asked: list[Check] = []
        self.pids: set[int] = set()
        self._answers: dict[Check, Outcome | None] = {}

    def set(self, check: Check, outcome: Outcome) -> None:
        """Answer `check` with this from now on."""
        self._answers[check] = outcome

    def silence(self, check: Check) -> None:
        """Let `check` run into its deadline from now on."""
        self._answers[check] = None

    async def check(self, probe: Probe, context: Context) -> Outcome:
        """Answer as told, at the next turn of the loop."""
        self.asked.append(probe.check)
        outcome = self._answers.get(probe.check, NOBODY)
        if outcome is not None:
            await asyncio.sleep(0)
            return outcome
        await asyncio.sleep(probe.timeout)
        detail = f"no answer within {probe.timeout:g} s"
        return Outcome(ok=False, detail=detail, answered=False, latency=probe.timeout)
