"""A schedule as it is written: a cron expression, or a map with one and a time zone.

Here is seen that it looks like one. What its fields mean, and whether the zone exists, the runtime's calendar knows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .containers import Field, Record
from .findings import Findings, Invalid, Path, kind_of
from .schedules import Schedule
from .shapes import FIXED, INTERPOLATED, Scalar, Schema, fixed

if TYPE_CHECKING:
    from collections.abc import Mapping

CRON_HINT: Final = 'write minute hour day month weekday, as "30 3 * * mon-fri", or a word as @daily'
_NICKNAMES: Final[Mapping[str, str]] = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_PATTERN: Final = rf"^\s*(({'|'.join(_NICKNAMES)})|([0-9A-Za-z*,/#-]+\s+){{4,5}}[0-9A-Za-z*,/#-]+)\s*$"
_LOOKS_LIKE_ONE: Final = re.compile(_PATTERN)


def cron(value: object) -> str:
    """Return a cron expression of five or six fields. Raises `Invalid`."""
    text = fixed(value)
    if text.strip() == "@reboot":
        raise Invalid("@reboot is no time", "leave schedule out: `up` runs a task once")
    if len(text) > 200 or not _LOOKS_LIKE_ONE.match(text):
        raise Invalid(f"{kind_of(text)} is not a cron expression", CRON_HINT)
    return _NICKNAMES.get(text.strip(), " ".join(text.split()))


class _ScheduleRecord(Record[Schedule]):
    """A record that must have `cron`."""

    def read(self, value: object, at: Path, found: Findings) -> Schedule:
        """Return the schedule; one whose expression is bad is noted."""
        before = len(found.all)
        values = self.values(value, at, found)
        if "cron" not in values and len(found.all) == before:
            raise Invalid("cron is missing", CRON_HINT)
        return self.build(**{"cron": "", **values})


CRON: Final = Scalar(cron, {"type": "string", "pattern": _PATTERN}, INTERPOLATED)
SHORT_SCHEDULE: Final[Schema] = CRON.schema()
SCHEDULE: Final = _ScheduleRecord(
    Schedule,
    {
        "cron": Field(CRON, "Minute, hour, day, month, weekday (seconds before them, if six); or @daily and the like."),
        "timezone": Field(FIXED, "Whose clock is meant, as Europe/Berlin. Default: the machine's."),
    },
    reference="schedule",
)
