"""What people read of tasks that run by the clock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from mamctl.ui import words
from mamctl.ui.amounts import local
from tests.ui.rows import row

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def resting(name: str = "backup") -> dict[str, object]:
    detail = "next run at 03:30"
    return row(name, "waiting", kind="task", reason="scheduled", detail=detail, next_run_at="2030-01-01T03:30:00Z")


def test_one_that_rests_says_when_it_runs() -> None:
    assert words.why(resting()) == "next run at 03:30"


def test_between_runs_the_last_outcome_comes_first_and_then_the_next_time() -> None:
    done = row("backup", "completed", kind="task", next_run_at="2030-01-01T03:30:00Z")
    failed = {**done, "state": "failed", "reason": "exited", "detail": "ended with code 3"}
    assert words.why(done) == "next run at 2030-01-01 03:30"
    assert words.why(failed) == "ended with code 3; next run at 2030-01-01 03:30"


def test_while_it_runs_nothing_is_said_of_the_next_time() -> None:
    assert (
        words.why(row("backup", "starting", kind="task", next_run_at="2030-01-01T03:30:00Z", start_timeout_s=None))
        == ""
    )


def test_one_that_rests_is_neither_up_nor_missing() -> None:
    assert words.totals([row("web"), row("db"), resting()]) == "all 2 ready"
    assert words.totals([resting("a"), resting("b")]) == "2 scheduled"
    assert words.all_well([row("web"), resting()])


def test_a_run_that_failed_is_a_failure() -> None:
    assert not words.all_well([row("backup", "failed", kind="task", next_run_at="2030-01-01T03:30:00Z")])


def test_a_moment_is_said_with_its_day_only_when_that_is_not_today() -> None:
    now = time.time()
    midday = now - now % 86_400 + 43_200
    assert local(midday) == "12:00"
    assert local(midday + 20) == "12:00:20"
    assert local(midday + 86_400).endswith(" 12:00")
    assert len(local(midday + 86_400)) == len("2026-01-31 12:00")
