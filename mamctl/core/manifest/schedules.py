"""When a task runs by the clock."""

from __future__ import annotations

from mamctl.core.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Schedule:
    """The times at which a task runs: a cron expression, in a time zone by name (None: the machine's).

    Five fields: minute, hour, day of the month, month, day of the week; or six, the seconds first.
    """

    cron: str
    timezone: str | None = None


def render_schedule(schedule: Schedule) -> dict[str, object]:
    """Return the key `schedule` with what it comes to."""
    zone = {"timezone": schedule.timezone} if schedule.timezone else {}
    return {"schedule": {"cron": schedule.cron, **zone}}
