"""Amounts as people read them: durations, ages and sizes; local times of day."""

from __future__ import annotations

import time

_STEPS = ((60.0, "s"), (60.0, "min"), (24.0, "h"), (0.0, "d"))


def duration(seconds: float) -> str:
    """Return seconds as one amount: `0.8 s`, `12 s`, `3 min`, `2 h`, `5 d`."""
    if seconds < 0.9995:
        return f"{max(seconds, 0.0):.2g} s" if seconds >= 0.1 else f"{max(seconds, 0.0) * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    amount = seconds
    for step, unit in _STEPS:
        if step == 0.0 or round(amount) < step:
            return f"{amount:.0f} {unit}"
        amount /= step
    raise AssertionError("the last step has no bound")


def lapse(seconds: float) -> str:
    """Return a time that runs, in tenths of a second at first so that it is seen to run: `0.3 s`, `12 s`."""
    return f"{max(seconds, 0.1):.1f} s" if seconds < 9.95 else duration(seconds)


def age(seconds: float) -> str:
    """Return seconds in at most two units for a narrow column: `12s`, `3m05s`, `2h10m`, `3d4h`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3600}h"


def size(count: float) -> str:
    """Return bytes in decimal units: `512 B`, `51 MB`, `1.2 GB`."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 999.5:
            return f"{amount:.1f} {unit}" if unit == "GB" and amount < 9.95 else f"{amount:.0f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def percent(value: float) -> str:
    """Return a share of one core: `0.4%`, `12%`."""
    return f"{value:.1f}%" if value < 9.95 else f"{value:.0f}%"


def count(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: `1 service`, `7 services`, `1,234 lines`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def clock(at: float) -> str:
    """Return the local time of day of a moment in seconds since 1970: `14:03:07`."""
    return time.strftime("%H:%M:%S", time.localtime(at))


def local(at: float) -> str:
    """Return a moment as people read it: `14:03`, or with its day when that is not today: `2026-01-31 14:03`."""
    there, here = time.localtime(at), time.localtime()
    clock_time = time.strftime("%H:%M:%S" if there.tm_sec else "%H:%M", there)
    same = there[:3] == here[:3]
    return clock_time if same else f"{time.strftime('%Y-%m-%d', there)} {clock_time}"


def moment(text: object) -> float:
    """Return the seconds since 1970 of an ISO time (`2026-01-31T12:00:00.123Z`); 0.0 when it is none."""
    from datetime import datetime

    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return 0.0
