"""Where a schedule can stand: in a task that nobody waits for, and that `up` takes care of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .choices import Kind

if TYPE_CHECKING:
    from .draft import Drafted
    from .findings import Findings


def check_schedule(drafted: Drafted, found: Findings) -> None:
    """Note what a schedule cannot stand beside."""
    at, wish = (*drafted.at, "schedule"), drafted.wish
    if wish.kind is not Kind.TASK:
        found.add(at, "only a task runs by the clock", "write kind: task, or leave it out")
    elif wish.manual:
        found.add(at, "a manual task never runs by itself", "remove manual, or schedule")
    elif wish.essential:
        found.add(at, "the next run follows a failed one, so it ends nothing", "remove essential, or schedule")
