"""When a schedule's times are, by the wall clock of the machine or of a time zone.

Times are seconds since 1970. Where a clock is set forward for summer, a time that it leaves out counts as the first
minute after; where it is set back, one that comes twice counts once. That is Debian's cron, and holds for expressions
that name minute and hour; one that begins with `*` there goes by what has passed. (cronsim knows all this. It and the
zones are imported where they are used: few stacks have a schedule.)
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, tzinfo
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mamctl.core.manifest.schedules import Schedule

_LOCALTIME: Final = "/etc/localtime"
# Any time will do: what is seen is whether there is a next one at all.
_SOME_DAY: Final = datetime(2024, 1, 1, tzinfo=UTC)


class NoSuchTime(Exception):
    """An expression that means nothing, a time that never comes, a zone that does not exist. `key` is to blame."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key
        self.message = message


def verify(schedule: Schedule) -> None:
    """Raise NoSuchTime when a schedule cannot be followed."""
    from cronsim import CronSim, CronSimError

    try:
        next(CronSim(schedule.cron, _SOME_DAY))
    except CronSimError as error:
        raise NoSuchTime("cron", f"{schedule.cron!r} is not a cron expression: {str(error).lower()}") from None
    except StopIteration:
        raise NoSuchTime("cron", f"{schedule.cron!r} is a time that never comes") from None
    zone(schedule.timezone)


def times_after(schedule: Schedule, moment: float) -> Iterator[float]:
    """Yield the times of a schedule that come after a moment, the next one first."""
    from cronsim import CronSim

    begin = datetime.fromtimestamp(moment, zone(schedule.timezone))
    for found in CronSim(schedule.cron, begin):
        yield found.timestamp()


def next_time(schedule: Schedule, moment: float) -> float | None:
    """Return the first time after a moment; None when there is none in fifty years."""
    return next(islice(times_after(schedule, moment), 1), None)


def zone(name: str | None) -> tzinfo:
    """Return a time zone by its name, or the machine's as it is now. Raises NoSuchTime."""
    from zoneinfo import ZoneInfo

    if name is None:
        return _local()
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise NoSuchTime("timezone", f"{name!r} is not a time zone that this machine knows") from None


def spoken(moment: float, now: float) -> str:
    """Return a moment as people read it here: `14:35`, or with its day when that is another one than now's."""
    at, today = (datetime.fromtimestamp(when, _local()) for when in (moment, now))
    clock = at.strftime("%H:%M:%S" if at.second else "%H:%M")
    return clock if at.date() == today.date() else f"{at:%Y-%m-%d} {clock}"


def _local() -> tzinfo:
    """Return the machine's zone, read anew: who travels changes it while we run."""
    from zoneinfo import ZoneInfo

    name = os.environ.get("TZ", "").removeprefix(":")
    try:
        if name and not os.path.isabs(name):
            return ZoneInfo(name)
        with open(name or _LOCALTIME, "rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError, KeyError):
        return datetime.now().astimezone().tzinfo or UTC
