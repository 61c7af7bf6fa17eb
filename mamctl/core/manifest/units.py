"""Durations in seconds and sizes in bytes, from the manifest's words and back."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from .findings import Invalid, kind_of

DURATION_PATTERN: Final = r"^[0-9]+(\.[0-9]+)?(ms|s|m|h)?$"
SIZE_PATTERN: Final = r"^[0-9]+(\.[0-9]+)?([kKmMgGtT][iI]?)?[bB]?$"
LONGEST: Final = 8760 * 3600.0
LARGEST: Final = 2**63 - 1

_DURATION_HINT: Final = "write 500ms, 2s, 5m, 1h or a number of seconds, at most 8760h"
_SIZE_HINT: Final = "write 10MB, 1GiB or a number of bytes"
_SECONDS: Final = {"ms": (1.0, 1000.0), "s": (1.0, 1.0), "m": (60.0, 1.0), "h": (3600.0, 1.0), "": (1.0, 1.0)}
_PREFIXES: Final = " kmgt"


def seconds(value: object) -> float:
    """Return the seconds of `500ms`, `2s`, `5m`, `1h` or a number of seconds. Raises `Invalid`."""
    result = _number_of_seconds(value)
    if result is None or not 0 <= result <= LONGEST:
        raise Invalid(f"{kind_of(value)} is not a duration", _DURATION_HINT)
    return result


def _number_of_seconds(value: object) -> float | None:
    if isinstance(value, str):
        return _written_seconds(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return None if value > LONGEST else float(value)


@lru_cache(maxsize=256)
def _written_seconds(text: str) -> float | None:
    number = text.rstrip("msh")
    unit = _SECONDS.get(text[len(number) :])
    if unit is None or not _is_number(number):
        return None
    return float(number) * unit[0] / unit[1]


def _is_number(text: str) -> bool:
    whole, point, part = text.partition(".")
    return text.isascii() and whole.isdigit() and (part.isdigit() if point else True)


def size(value: object) -> int:
    """Return the bytes of `10MB` (decimal), `1GiB` (binary) or a number of bytes. Raises `Invalid`."""
    result = _number_of_bytes(value)
    if result is None or not 0 <= result <= LARGEST:
        raise Invalid(f"{kind_of(value)} is not a size", _SIZE_HINT)
    return int(result)


def _number_of_bytes(value: object) -> float | None:
    if isinstance(value, str):
        return _written_bytes(value.lower())
    return value if isinstance(value, int) and not isinstance(value, bool) else None


@lru_cache(maxsize=256)
def _written_bytes(text: str) -> float | None:
    text = text.removesuffix("b")
    base = 1024 if text.endswith("i") else 1000
    number = text.removesuffix("i")
    power = _PREFIXES.find(number[-1:]) if number[-1:].isalpha() else 0
    number = number[:-1] if power > 0 else number
    if not _is_number(number) or (base == 1024 and power == 0):
        return None
    factor = float(base**power)
    return float(number) * factor if "." in number else int(number[:20]) * int(factor)


def show_seconds(value: float) -> str | float:
    """Return a duration as the manifest writes it; `seconds` reads it back to the same value."""
    if value == int(value):
        return f"{int(value)}s"
    milliseconds = round(value * 1000)
    return f"{milliseconds}ms" if milliseconds / 1000 == value else value


def about_size(value: int) -> str:
    """Return bytes as people say them: `128 MiB` as the manifest would, else three digits: `51.2 MB`, `1.23 GB`."""
    exact = show_size(value)
    if isinstance(exact, str):
        number = exact.rstrip("GMiB")
        return f"{number} {exact.removeprefix(number)}"
    amount, units = float(value), ["GB", "MB", "kB", "B"]
    while amount >= 999.5 and len(units) > 1:
        amount, _ = amount / 1000, units.pop()
    return f"{amount:.0f} {units[-1]}" if amount >= 99.95 else f"{amount:.3g} {units[-1]}"


def show_size(value: int) -> str | int:
    """Return a size as the manifest writes it; `size` reads it back to the same value."""
    for unit, factor in (("GB", 10**9), ("GiB", 2**30), ("MB", 10**6), ("MiB", 2**20)):
        if value and value % factor == 0:
            return f"{value // factor}{unit}"
    return value
