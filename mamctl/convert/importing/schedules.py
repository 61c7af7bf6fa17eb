"""Intervals as cron expressions, as far as the clock has such times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mamctl.convert.importing.amounts import seconds
from mamctl.convert.importing.value import Unfit

if TYPE_CHECKING:
    from mamctl.convert.importing.value import Value


def every(value: Value) -> str:
    """Return the cron expression for an interval that divides a minute, an hour or a day. Raises Unfit."""
    amount = seconds(value)
    whole = int(amount)
    if whole == amount and whole > 0:
        if whole < 60 and 60 % whole == 0:
            return f"*/{whole} * * * * *"
        if whole < 3600 and 3600 % whole == 0 and whole % 60 == 0:
            return f"*/{whole // 60} * * * *"
        if whole <= 86400 and 86400 % whole == 0 and whole % 3600 == 0:
            return "0 0 * * *" if whole == 86400 else f"0 */{whole // 3600} * * *"
    raise Unfit("is no interval that divides a minute, an hour or a day; write `schedule` with a cron expression")
