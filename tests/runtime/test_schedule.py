"""Following schedules by a wall clock that is set, sleeps and goes on: what is told when."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mamctl.core.actions import Follow
from mamctl.core.events import Due, Planned
from mamctl.core.manifest.schedules import Schedule
from mamctl.runtime.schedule import LOOK_SECONDS, MOST_MISSED, SET_BACK, Schedules
from tests.runtime.stack import Stack, row, run, until

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

MINUTELY = Schedule("* * * * *", "UTC")
HOURLY = Schedule("0 * * * *", "UTC")
NOON = 12 * 3600.0


class Handle:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """A loop whose only timer is let run out by hand."""

    def __init__(self) -> None:
        self.armed: list[tuple[float, Callable[[], None], Handle]] = []

    def time(self) -> float:
        return 0.0

    def call_later(self, delay: float, callback: Callable[[], None]) -> Handle:
        handle = Handle()
        self.armed.append((delay, callback, handle))
        return handle

    @property
    def delays(self) -> list[float]:
        return [delay for delay, _, handle in self.armed if not handle.cancelled]


class Watch:
    """Schedules under a wall clock that is moved by hand; `told` is what the core is told, in short."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now
        self.loop = Loop()
        self.events: list[Planned | Due] = []
        self.schedules = Schedules(self.loop, self.events.append, lambda: self.now)  # type: ignore[arg-type]

    def follow(self, schedule: Schedule | None, since: float | None = None) -> None:
        self.schedules.follow(Follow("tick", schedule, since))

    def at(self, now: float) -> list[tuple[object, ...]]:
        """Set the clock and look; return what is told."""
        self.events.clear()
        self.now = now
        self.schedules.look()
        return self.told

    @property
    def told(self) -> list[tuple[object, ...]]:
        return [
            ("planned", event.next_run_at) if isinstance(event, Planned)
            else ("due" if event.runs else "missed", event.missed, event.next_run_at)
            for event in self.events
        ]  # fmt: skip


def following(schedule: Schedule = MINUTELY) -> Watch:
    watch = Watch()
    watch.follow(schedule)
    return watch


def test_whoever_begins_to_follow_is_told_the_next_time():
    assert following().told == [("planned", NOON + 60)]


def test_it_is_due_at_its_time_and_once():
    watch = following()
    assert watch.at(NOON + 59.9) == []
    assert watch.at(NOON + 60) == [("due", 0, NOON + 120)]
    assert watch.at(NOON + 60.1) == []


def test_the_clock_is_looked_at_when_the_time_comes_and_now_and_then_before():
    watch = following()
    assert watch.loop.delays == [LOOK_SECONDS]
    watch.at(NOON + 58)
    assert watch.loop.delays == [2.0]


def test_times_that_were_slept_through_are_counted_and_the_last_still_runs_when_it_is_fresh():
    assert following().at(NOON + 605) == [("due", 9, NOON + 660)]


def test_a_time_that_is_long_ago_is_only_counted():
    assert following(HOURLY).at(NOON + 2 * 3600 + 600) == [("missed", 2, NOON + 3 * 3600)]


def test_so_many_missed_times_are_not_counted_to_the_end():
    (told,) = following().at(NOON + 60 * 100_000 + 40)
    assert told[:2] == ("missed", MOST_MISSED)


def test_a_clock_that_is_set_back_a_little_repeats_no_run():
    watch = following()
    watch.at(NOON + 60)
    assert watch.at(NOON + 59) == []
    assert watch.at(NOON + 60) == []
    assert watch.at(NOON + 120) == [("due", 0, NOON + 180)]


def test_a_clock_that_is_set_back_before_a_time_was_there_does_not_wait_longer_than_it_says():
    watch = following(HOURLY)
    assert watch.at(NOON - 1800) == [("planned", NOON)]
    assert watch.at(NOON) == [("due", 0, NOON + 3600)]


def test_a_clock_that_is_set_back_far_was_wrong_before():
    watch = following()
    watch.at(NOON + 60)
    back = NOON - SET_BACK - 3600
    assert watch.at(back) == [("planned", back + 60)]


def test_a_clock_that_is_set_forward_misses_what_lies_between():
    watch = following(HOURLY)
    assert watch.at(NOON + 24 * 3600 + 100) == [("missed", 24, NOON + 25 * 3600)]


def test_who_goes_on_for_another_is_told_of_the_time_that_came_meanwhile():
    watch = Watch()
    watch.follow(MINUTELY, since=NOON)
    assert watch.told == [("due", 0, NOON + 60)]


def test_who_goes_on_for_another_counts_what_was_missed_meanwhile():
    watch = Watch(NOON + 90)
    watch.follow(HOURLY, since=NOON - 3600)
    assert watch.told == [("missed", 2, NOON + 3600)]


def test_who_goes_on_with_another_schedule_misses_nothing_of_the_old_one():
    watch = Watch()
    watch.follow(HOURLY, since=NOON - 60 * 10)
    assert watch.told == [("due", 0, NOON + 3600)]
    watch = Watch(NOON + 600)
    watch.follow(HOURLY, since=NOON + 300)
    assert watch.told == [("missed", 0, NOON + 3600)]


def test_who_goes_on_before_the_time_has_it_planned_anew():
    watch = Watch()
    watch.follow(HOURLY, since=NOON + 3600)
    assert watch.told == [("planned", NOON + 3600)]


def test_what_is_followed_no_more_is_told_no_more():
    watch = following()
    watch.follow(None)
    assert watch.at(NOON + 60) == []
    assert watch.loop.delays == []


def test_a_real_loop_tells_when_it_is_time():
    async def scenario() -> None:
        events: asyncio.Queue[Planned | Due] = asyncio.Queue()
        schedules = Schedules(asyncio.get_running_loop(), events.put_nowait)
        schedules.follow(Follow("tick", Schedule("* * * * * *", "UTC")))
        async with asyncio.timeout(5):
            planned, due = await events.get(), await events.get()
        schedules.close()
        assert isinstance(planned, Planned)
        assert isinstance(due, Due)
        assert due.next_run_at == planned.next_run_at + 1

    asyncio.run(scenario())


def test_a_real_manager_follows_a_clock_that_is_set(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        stack = Stack(
            tmp_path,
            {
                "hourly": {
                    "kind": "task",
                    "command": ["sh", "-c", "echo ran >> ran"],
                    "schedule": {"cron": "0 * * * *", "timezone": "UTC"},
                }
            },
        )
        async with stack.managed() as manager:
            now = NOON + 1800.0
            manager.hands.schedules.wall = lambda: now
            report = await manager.up()
            assert report["ok"]
            assert row(manager, "hourly")["next_run_at"] == "1970-01-01T13:00:00Z"
            now = NOON + 3600.0
            manager.hands.schedules.look()
            await until(manager, lambda: row(manager, "hourly")["state"] == "completed")
            # Set ahead by five hours and ten minutes: nothing of that is made up for.
            now += 5 * 3600.0 + 600.0
            manager.hands.schedules.look()
            await until(manager, lambda: row(manager, "hourly")["next_run_at"] == "1970-01-01T19:00:00Z")
            assert (tmp_path / "ran").read_text() == "ran\n"
            told = [event["data"]["detail"] for event in manager.history.since(0, 1000) if event["type"] == "warning"]
            assert [text.partition(":")[0] for text in told] == ["5 runs were missed"]
            await manager.stop("hourly")
            assert row(manager, "hourly")["next_run_at"] is None

    run(scenario())
