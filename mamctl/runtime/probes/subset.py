"""The JSON subset test of the http probe."""

from __future__ import annotations

import json
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_LONGEST = 80


def mismatch(expected: Json, found: Json, path: str = "json") -> str | None:
    """Return where and how `found` does not hold `expected` (`json.status is "starting"`), or None when it does.

    An object holds another when it has its keys, with values that hold theirs. Lists and all else are equal or not;
    1 equals 1.0, but not true.
    """
    if isinstance(expected, dict) and isinstance(found, dict):
        return _mismatch_within(expected, found, path)
    return None if equal(expected, found) else f"{path} is {_shown(found)}"


def _mismatch_within(expected: dict[str, Json], found: dict[str, Json], path: str) -> str | None:
    for key, value in expected.items():
        if key not in found:
            return f"{path}.{key} is missing"
        if problem := mismatch(value, found[key], f"{path}.{key}"):
            return problem
    return None


def equal(one: Json, other: Json) -> bool:
    """Tell whether two JSON values are equal; Python's own `==` takes true for 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(value, other[key]) for key, value in one.items())
    return one == other


def _shown(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
