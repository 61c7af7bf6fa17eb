"""Durations, sizes and signals as other programs write them, as our manifest does."""

from __future__ import annotations

import re
from typing import Final

from mamctl.convert.importing.value import Unfit, Value, text
from mamctl.core.manifest.findings import Invalid
from mamctl.core.manifest.signals import NAMES, signal_number
from mamctl.core.manifest.units import LARGEST, LONGEST, show_seconds, show_size

_PART: Final = re.compile(r"\s*(\d{1,15}(?:\.\d{1,9})?)\s*([a-zA-Zµ]*)")
_SIZE: Final = re.compile(r"\s*(\d{1,15}(?:\.\d{1,9})?)\s*([kKmMgGtT]?)(?:[iI]?[bB])?\s*")
_SECONDS: Final[dict[str, float]] = {
    "us": 1e-6, "usec": 1e-6, "µs": 1e-6, "ns": 1e-9, "ms": 1e-3, "msec": 1e-3,
    "s": 1, "sec": 1, "second": 1, "seconds": 1, "m": 60, "min": 60, "minute": 60, "minutes": 60,
    "h": 3600, "hr": 3600, "hour": 3600, "hours": 3600, "d": 86400, "day": 86400, "days": 86400, "w": 604800,
}  # fmt: skip


def seconds(value: Value, unit: float = 1.0) -> float:
    """Return the seconds of `1m30s`, `5min 20s` or a number of `unit` seconds. Raises Unfit."""
    word, total, position = text(value).strip(), 0.0, 0
    while position < len(word) or not word:
        part = _PART.match(word, position)
        factor = (_SECONDS.get(part[2]) if part[2] else unit) if part else None
        if part is None or factor is None:
            raise Unfit("is not a duration")
        total += float(part[1]) * factor
        position = part.end()
    if total > LONGEST:
        raise Unfit("is longer than a year")
    return total


def duration(value: Value, unit: float = 1.0) -> str | float:
    """Return a duration as the manifest writes it."""
    return shown(seconds(value, unit))


def shown(amount: float) -> str | float:
    """Return seconds as the manifest writes them."""
    return show_seconds(round(amount, 3))


def size(value: Value) -> str | int:
    """Return a size as the manifest writes it; K, M and G are binary with all those programs. Raises Unfit."""
    found = _SIZE.fullmatch(text(value))
    if not found:
        raise Unfit("is not a size")
    number = int(float(found[1]) * 1024 ** " kmgt".index(found[2].lower() or " "))
    if number > LARGEST:
        raise Unfit("is too large")
    return show_size(number)


def signal(value: Value) -> str | int:
    """Return a signal's name, or its number where it has none. Raises Unfit."""
    try:
        number = signal_number(text(value).strip())
    except Invalid:
        raise Unfit("is not a signal of this system") from None
    return NAMES.get(number, number)
