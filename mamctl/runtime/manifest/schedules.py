"""Schedules that were written, against the calendar: what their fields mean, and whether their zone exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mamctl.core.manifest.schedule_shapes import CRON_HINT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mamctl.core.manifest.draft import Drafted
    from mamctl.core.manifest.findings import Findings


def check_schedules(drafts: Iterable[Drafted], found: Findings) -> None:
    """Note every schedule that cannot be followed."""
    scheduled = [drafted for drafted in drafts if drafted.wish.schedule is not None and drafted.wish.schedule.cron]
    if scheduled:
        # Few manifests have one, and the calendar takes a few milliseconds to read.
        from mamctl.runtime import calendar

        for drafted in scheduled:
            assert drafted.wish.schedule is not None
            try:
                calendar.verify(drafted.wish.schedule)
            except calendar.NoSuchTime as wrong:
                hint = CRON_HINT if wrong.key == "cron" else "write a name as Europe/Berlin or UTC"
                found.add((*drafted.at, "schedule", wrong.key), wrong.message, hint)
