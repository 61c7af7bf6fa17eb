"""Somebody sets the wall clock an hour forward and back, again and again: whatever is timed does not notice.

A process cannot have a real-time clock of its own, and nobody may set the machine's in a test: the one of this process
is set, in which a real manager runs real services.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from tests.faults.figures import tell
from tests.faults.rounds import rounds
from tests.runtime.stack import Stack, row, run, service, until

if TYPE_CHECKING:
    import pathlib

    import pytest

HOUR = 3600.0
DELAY, GRACE = 0.3, 0.4
# A timer that heeds the wall clock ends at once when it is set forward, and an hour late when it is set back.
EARLY, LATE = 0.02, 5.0


class WallClock:
    """The time of day, which can be set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shift = 0.0
        self.steps = 0
        now, now_ns = time.time, time.time_ns
        monkeypatch.setattr(time, "time", lambda: now() + self.shift)
        monkeypatch.setattr(time, "time_ns", lambda: now_ns() + int(self.shift * 1e9))

    def step(self) -> None:
        """Set it an hour ahead, or an hour back from where it really is."""
        self.shift = -HOUR if self.shift > 0 else HOUR
        self.steps += 1


@rounds(1, 20)
def test_no_timer_notices_that_the_wall_clock_is_set(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, rounds: int
) -> None:
    clock, counted = WallClock(monkeypatch), {"timers_disturbed": 0, "restarts": 0, "lines_lost": 0}
    for number in range(rounds):
        folder = tmp_path / str(number)
        folder.mkdir()
        run(scenario(folder, clock, counted))
    tell("wall clock set by an hour, forward and back", f"{clock.steps} steps", **counted)


def services() -> dict[str, Any]:
    restart = {"delay": DELAY, "factor": 1, "jitter": 0, "max_attempts": 3}
    never = {"log": "what it does not say"}
    live = {"http": "/", "interval": "50ms", "timeout": "1s", "failures": 1}
    return {
        "crashes": service("--print", "a line", "--exit", 1, restart=restart, ready=never),
        "steady": service("--http", "--port", "${services.steady.port}", port="auto", ready={"http": "/"}, live=live),
        "stubborn": service("--ignore-term", "--print", "deaf", ready={"log": "deaf"}, stop={"grace": GRACE}),
    }


async def scenario(folder: pathlib.Path, clock: WallClock, counted: dict[str, int]) -> None:
    """Set the clock at every event, and see how long what is timed really takes."""
    stack = Stack(folder, services())
    async with stack.managed() as manager:
        rests: list[float] = []
        began: list[float] = []

        def heard(event: dict[str, Any]) -> None:
            if event["service"] == "crashes" and event["type"] == "backoff":
                began.append(time.monotonic())
            if event["service"] == "crashes" and event["type"] == "starting" and len(began) > len(rests):
                rests.append(time.monotonic() - began[-1])
            clock.step()

        manager.on("*", heard)
        report = await asyncio.wait_for(manager.up(), 8)
        assert not report["ok"]
        await until(manager, lambda: row(manager, "crashes")["state"] == "failed")
        before = time.monotonic()
        await manager.stop("stubborn")
        stopped = time.monotonic() - before
        assert len(rests) == 3
        late = [rest - DELAY for rest in rests] + [stopped - GRACE]
        counted["timers_disturbed"] += sum(not -EARLY < by < LATE for by in late)
        counted["restarts"] += row(manager, "steady")["restarts"]
    counted["lines_lost"] += 4 - stack.log("crashes").count(b"a line\n")
