"""Times in the words of others are the same times: systemd is asked, launchd's lists are compared minute by minute."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from cronsim import CronSim

from mamctl.convert.exporting.times import calendars, five_fields, moments
from mamctl.core.manifest.schedules import Schedule

BEGIN = datetime(2026, 2, 27, 12, 0, tzinfo=UTC)
CRONS = [
    "30 3 * * *", "*/15 * * * *", "0 9 * * mon-fri", "0 0 1 1 *", "5 4 1,15 * *", "0 12 * * 0", "0 12 * * 7",
    "10-20/5 8-10 * * *", "0 0 29 2 *", "0 6 * jan-mar tue,thu", "59 23 31 12 *", "0 3 13 * fri", "7/20 * * * *",
]  # fmt: skip
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed (apt-get install systemd)"
)


def expected(cron, number):
    return list(islice(CronSim(cron, BEGIN), number))


@needs_systemd
@pytest.mark.parametrize("cron", CRONS)
def test_a_calendar_is_the_cron_expression_to_systemd(cron):
    found = set()
    for calendar in calendars(Schedule(cron)):
        done = subprocess.run(
            ["systemd-analyze", "calendar", "--iterations=6", f"--base-time={BEGIN:%Y-%m-%d %H:%M:%S} UTC", calendar],
            env={"TZ": "UTC", "LC_ALL": "C"}, capture_output=True, text=True, check=True, timeout=20,
        )  # fmt: skip
        lines = [line.partition(": ")[2] for line in done.stdout.splitlines() if "elapse:" in line or "Iter" in line]
        found |= {datetime.strptime(line.strip()[4:23], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) for line in lines}
    assert sorted(found)[:4] == expected(cron, 4)


@pytest.mark.parametrize("cron", [cron for cron in CRONS if cron != "0 3 13 * fri"])
def test_a_list_of_numbers_is_the_cron_expression_to_launchd(cron):
    found = moments(Schedule(cron))
    first, *_, last = expected(cron, 4)
    minutes = (
        first + timedelta(minutes=count) for count in range(min(100_000, int((last - first).total_seconds() // 60) + 1))
    )
    good = [minute for minute in minutes if any(matches(minute, one) for one in found)]
    assert good == [time for time in expected(cron, 4) if time <= first + timedelta(minutes=99_999)]


def matches(minute, numbers):
    now = {"Minute": minute.minute, "Hour": minute.hour, "Day": minute.day, "Month": minute.month}
    now["Weekday"] = minute.isoweekday() % 7
    return all(now[name] == number for name, number in numbers.items())


@pytest.mark.parametrize("cron", ["0 0 L * *", "0 0 * * fri#2", "0 0 * * 5L"])
def test_what_only_some_crons_know_has_no_words(cron):
    assert (calendars(Schedule(cron)), five_fields(Schedule(cron)), moments(Schedule(cron))) == (None, None, None)


def test_seconds_are_known_to_systemd_alone():
    schedule = Schedule("*/10 * * * * *")
    assert calendars(schedule) == ["*-*-* *:*:00,10,20,30,40,50"]
    assert (five_fields(schedule), moments(schedule)) == (None, None)
    assert five_fields(Schedule("0 5 4 * * *")) == "5 4 * * *"


def test_a_time_zone_stands_behind_the_time():
    assert calendars(Schedule("30 3 * * mon", "Europe/Berlin")) == ["Mon *-*-* 03:30:00 Europe/Berlin"]


def test_cron_runs_on_the_day_of_the_month_or_of_the_week_which_launchd_cannot_say():
    assert calendars(Schedule("0 3 13 * fri")) == ["Fri *-*-* 03:00:00", "*-*-13 03:00:00"]
    assert moments(Schedule("0 3 13 * fri")) is None


def test_a_list_that_nobody_would_read_is_none():
    assert moments(Schedule("0-59 0-22 * * *")) is None
