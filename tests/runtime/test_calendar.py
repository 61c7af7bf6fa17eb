"""The times of schedules: over the change to summer time and back, in zones, and as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from mamctl.core.manifest.schedules import Schedule
from mamctl.runtime.calendar import NoSuchTime, next_time, spoken, times_after, verify, zone

BERLIN = ZoneInfo("Europe/Berlin")


def berlin(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


def times(cron: str, after: str, count: int) -> list[str]:
    found = islice(times_after(Schedule(cron, "Europe/Berlin"), berlin(after)), count)
    return [datetime.fromtimestamp(at, BERLIN).isoformat(" ", "minutes") for at in found]


def test_the_next_time_comes_after_the_moment_never_at_it():
    every = Schedule("*/5 * * * *", "UTC")
    assert next_time(every, 300.0) == 600.0
    assert next_time(every, 299.5) == 300.0


def test_six_fields_begin_with_seconds():
    assert list(islice(times_after(Schedule("*/20 * * * * *", "UTC"), 5.0), 3)) == [20.0, 40.0, 60.0]


def test_a_time_that_summer_time_leaves_out_is_made_up_for_at_once():
    assert times("30 2 * * *", "2026-03-28 12:00", 2) == ["2026-03-29 03:00+02:00", "2026-03-30 02:30+02:00"]


def test_a_time_that_comes_twice_counts_once():
    assert times("30 2 * * *", "2026-10-24 12:00", 2) == ["2026-10-25 02:30+02:00", "2026-10-26 02:30+01:00"]


def test_every_half_hour_goes_by_what_has_passed():
    assert times("*/30 * * * *", "2026-10-25 01:45", 5) == [
        "2026-10-25 02:00+02:00",
        "2026-10-25 02:30+02:00",
        "2026-10-25 02:00+01:00",
        "2026-10-25 02:30+01:00",
        "2026-10-25 03:00+01:00",
    ]


def test_a_time_that_is_rare_is_found():
    assert next_time(Schedule("0 0 29 2 *", "UTC"), 0.0) == datetime(1972, 2, 29, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("cron", ["99 * * * *", "* * * * mon#9", "*/0 * * * *"])
def test_an_expression_that_means_nothing_is_refused(cron):
    with pytest.raises(NoSuchTime) as raised:
        verify(Schedule(cron))
    assert raised.value.key == "cron"


def test_the_machines_zone_is_that_of_the_environment_else_its_own(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert datetime.fromtimestamp(0, zone(None)).hour == 9
    monkeypatch.setenv("TZ", ":/no/such/file")
    assert zone(None).utcoffset(datetime.now(UTC)) is not None
    monkeypatch.delenv("TZ")
    assert zone(None).utcoffset(datetime.now(UTC)) is not None


def test_a_moment_is_spoken_with_its_day_only_when_that_is_another(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    now = berlin("2026-11-21 14:00")
    assert spoken(berlin("2026-11-21 14:35"), now) == "14:35"
    assert spoken(berlin("2026-11-21 14:35:20"), now) == "14:35:20"
    assert spoken(berlin("2026-11-22 03:00"), now) == "2026-11-22 03:00"
