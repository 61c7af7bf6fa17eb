"""Counting over time: histograms as Prometheus has them, and what the history tells of exits and starts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from mamctl.runtime.history import History
from mamctl.runtime.meters import Histogram, Tally

if TYPE_CHECKING:
    import pathlib


def test_a_histogram_counts_up_to_each_bound() -> None:
    found = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 9.0):
        found.add(value)
    counts = {labels["le"]: value for suffix, labels, value in found.samples({"a": "b"}) if suffix == "_bucket"}
    assert counts == {"1": 2, "2": 3, "+Inf": 4}
    assert found.samples({"a": "b"})[-2:] == [("_sum", {"a": "b"}, 12.0), ("_count", {"a": "b"}, 4.0)]


def test_what_happened_before_this_supervisor_is_not_counted(tmp_path: pathlib.Path) -> None:
    first = History(str(tmp_path / "events"))
    first.record("process-exit", "web", 1, {"reason": "killed"})
    first.flush()
    second = History(str(tmp_path / "events"))
    second.record("process-exit", "web", 2, {"reason": None})
    tally = Tally(second)
    asyncio.run(tally.catch_up())
    assert tally.exits == {("web", "clean"): 1}


def test_each_event_is_counted_once_however_many_there_are(tmp_path: pathlib.Path) -> None:
    history = History(str(tmp_path / "events"))
    tally = Tally(history)

    async def scenario() -> None:
        for _ in range(3):
            for _ in range(1100):
                history.record("process-exit", "web", 1, {"reason": "exited"})
            history.flush()
            history.record("started", "web", 1, {"ready_after_s": 0.2})
            history.record("started", "web", 1, {"ready_after_s": None})
            await tally.catch_up()

    asyncio.run(scenario())
    assert tally.exits == {("web", "exited"): 3300}
    assert tally.starts["web"].samples({})[-1] == ("_count", {}, 3.0)


def test_an_empty_history_counts_nothing(tmp_path: pathlib.Path) -> None:
    tally = Tally(History(str(tmp_path / "events")))
    asyncio.run(tally.catch_up())
    assert not tally.exits
    assert tally.starts == pytest.approx({})
