from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mamctl.ui.amounts import moment
from mamctl.ui.timeline import interleave


def event(kind: str, milliseconds: int) -> dict[str, Any]:
    return {"type": kind, "at": f"2026-01-31T12:00:00.{milliseconds:03d}Z"}


BEGAN = moment("2026-01-31T12:00:00.000Z")


def test_output_of_the_same_millisecond_comes_before_an_end_and_after_a_beginning() -> None:
    written = [(BEGAN + 0.0056, "done")]
    assert interleave([(event("completed", 5), ["completed"])], written) == ["done", "completed"]
    assert interleave([(event("starting", 5), ["starting"])], written) == ["starting", "done"]


def test_output_of_a_later_time_comes_after_the_event() -> None:
    happened = [(event("started", 5), ["ready"]), (event("stopped", 9), ["stopped"])]
    written = [(BEGAN + 0.001, "a"), (BEGAN + 0.0075, "b"), (BEGAN + 0.0101, "c")]
    assert interleave(happened, written) == ["a", "ready", "b", "stopped", "c"]


@given(st.lists(st.tuples(st.sampled_from(["starting", "completed"]), st.integers(0, 9))), st.lists(st.integers(0, 9)))
def test_nothing_is_lost_and_each_keeps_its_own_order(happened: list[tuple[str, int]], written: list[int]) -> None:
    told = [(event(kind, at), [f"event {number}"]) for number, (kind, at) in enumerate(happened)]
    lines = [(BEGAN + at / 1000, f"line {number}") for number, at in enumerate(written)]
    found = interleave(told, lines)
    assert [line for line in found if line.startswith("event")] == [line for _, (line,) in told]
    assert [line for line in found if line.startswith("line")] == [line for _, line in lines]
