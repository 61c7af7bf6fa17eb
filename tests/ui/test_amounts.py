from __future__ import annotations

import pytest

from mamctl.ui.amounts import age, count, duration, lapse, moment, percent, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.004, "4 ms"),
        (0.127, "0.13 s"),
        (0.8, "0.8 s"),
        (0.9999, "1 s"),
        (3.24, "3.2 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (3599, "1 h"),
        (7300, "2 h"),
        (86_400 * 3, "3 d"),
        (-1, "0 ms"),
    ],
)
def test_a_duration_is_one_amount_with_its_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_running_time_shows_tenths_at_first() -> None:
    assert [lapse(seconds) for seconds in (0, 0.04, 1.23, 9.94, 12.3)] == ["0.1 s", "0.1 s", "1.2 s", "9.9 s", "12 s"]


def test_an_age_fits_a_narrow_column() -> None:
    assert [age(seconds) for seconds in (5, 65, 3723, 90_000)] == ["5s", "1m05s", "1h02m", "1d1h"]


def test_sizes_are_decimal() -> None:
    assert [size(number) for number in (0, 999, 51_200_000, 1_200_000_000, 3e12)] == [
        "0 B",
        "999 B",
        "51 MB",
        "1.2 GB",
        "3.0 TB",
    ]


def test_shares_and_counts_read_well() -> None:
    assert [percent(value) for value in (0.04, 9.9, 12.3, 250)] == ["0.0%", "9.9%", "12%", "250%"]
    assert [count(1, "service"), count(1234, "line"), count(2, "process is", "processes are")] == [
        "1 service",
        "1,234 lines",
        "2 processes are",
    ]


def test_a_moment_is_read_as_utc_and_garbage_as_the_epoch() -> None:
    assert moment("1970-01-01T00:00:01.500Z") == 1.5
    assert moment("yesterday") == 0.0
    assert moment(None) == 0.0
