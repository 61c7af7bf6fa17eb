"""Cron expressions in the words of others: systemd's calendar, launchd's lists of numbers, Kubernetes' five fields."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mamctl.core.manifest.schedules import Schedule

_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_NAMED: Final[Mapping[str, str]] = {name: str(number) for number, name in enumerate(_DAYS)} | {
    name: str(number) for number, name in enumerate(_MONTHS, 1)
}
# Minute, hour, day of the month, month, day of the week: the least and the greatest number.
_BOUNDS: Final = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_PART: Final = re.compile(r"(\*|\d+)(?:-(\d+))?(?:/(\d+))?")
# A property list with more than these is no help to anybody.
MOST_TIMES: Final = 400


def five_fields(schedule: Schedule) -> str | None:
    """Return the expression in cron's five fields; None with seconds, or with what only some crons know (L, #)."""
    fields = schedule.cron.split()
    if len(fields) == 6 and fields[0] == "0":
        fields = fields[1:]
    return " ".join(fields) if len(fields) == 5 and all(_numbers(*pair) for pair in _pairs(fields)) else None


def calendars(schedule: Schedule) -> list[str] | None:
    """Return systemd's `OnCalendar=` values, which together are these times; None where it has no words for them."""
    fields = schedule.cron.split()
    second = fields.pop(0) if len(fields) == 6 else "0"
    seconds = _numbers(second, (0, 59))
    found = [_numbers(*pair) for pair in _pairs(fields)]
    if len(fields) != 5 or not seconds or not all(found):
        return None
    minute, hour, day, month = (
        _listed(numbers or [], bounds) for numbers, bounds in zip(found[:4], _BOUNDS, strict=False)
    )
    days = [_DAYS[number].capitalize() for number in sorted({number % 7 for number in found[4] or []})]
    names = "" if fields[4] == "*" or len(days) == 7 else ",".join(days)
    zone = f" {schedule.timezone}" if schedule.timezone else ""
    time = f"{hour}:{minute}:{_listed(seconds, (0, 59))}{zone}"
    return [f"{name + ' ' if name else ''}*-{month}-{when} {time}" for name, when in _either(names, day)]


def _either(names: str, day: str) -> list[tuple[str, str]]:
    """Return weekday and day of the month: with both, cron runs on either, while a calendar's line asks for both."""
    return [(names, "*"), ("", day)] if names and day != "*" else [(names, day)]


def moments(schedule: Schedule) -> list[dict[str, int]] | None:
    """Return launchd's `StartCalendarInterval`; None with seconds, or where these would be too many."""
    text = five_fields(schedule)
    if text is None:
        return None
    fields = text.split()
    names = ("Minute", "Hour", "Day", "Month", "Weekday")
    written = [
        (name, sorted({number % 7 for number in numbers} if name == "Weekday" else numbers))
        for name, field, numbers in zip(names, fields, [_numbers(*pair) or [] for pair in _pairs(fields)], strict=True)
        if field != "*"
    ]
    if "Weekday" in dict(written) and "Day" in dict(written):
        return None
    size = 1
    for _, numbers in written:
        size *= len(numbers)
    if size > MOST_TIMES:
        return None
    return [dict(chosen) for chosen in product(*[[(name, one) for one in numbers] for name, numbers in written])]


def _pairs(fields: list[str]) -> Iterator[tuple[str, tuple[int, int]]]:
    return zip(fields, _BOUNDS, strict=False)


def _listed(numbers: list[int], bounds: tuple[int, int]) -> str:
    low, high = bounds
    if len(numbers) == high - low + 1:
        return "*"
    return ",".join(f"{number:02d}" for number in numbers)


def _numbers(field: str, bounds: tuple[int, int]) -> list[int] | None:
    """Return the numbers that a field means; None when it has more than numbers, ranges, steps and names."""
    found: set[int] = set()
    for part in field.upper().split(","):
        matched = _PART.fullmatch(re.sub(r"[A-Z]{3}", lambda word: _NAMED.get(word[0], word[0]), part))
        if not matched:
            return None
        first, last, step = matched.groups()
        low, high = bounds
        start = low if first == "*" else int(first)
        end = int(last) if last else (high if first == "*" or step else start)
        found.update(range(start, end + 1, int(step or 1)))
    return sorted(number for number in found if bounds[0] <= number <= bounds[1])
