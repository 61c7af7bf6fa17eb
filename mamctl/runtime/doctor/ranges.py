r"""Whether a version is in a range, as package.json and pyproject.toml write ranges.

Understood are `>=3.11`, `<4`, `^20.19.0`, `~=3.11`, `~1.2`, `==3.12.*`, `20`, `20.x`, clauses joined by commas or
spaces (all must hold) and by `||` (one must). What is not understood is None: nobody is told off for a range that we
cannot read.
"""

from __future__ import annotations

import re
from typing import Final

Version = tuple[int, ...]
_CLAUSE: Final = re.compile(r"(>=|<=|==|!=|~=|>|<|=|\^|~)?\s*v?(\d+(?:\.(?:\d+|[x*]))*|\*)")
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)*")


def version_of(text: str) -> Version | None:
    """Return the first version number in a text, as of `node --version`."""
    found = _NUMBER.search(text)
    return tuple(map(int, found[0].split("."))) if found else None


def holds(wanted: str, version: Version) -> bool | None:
    """Tell whether a version is in a range; None when the range is not understood."""
    verdicts = [_all_hold(part, version) for part in wanted.split("||")]
    if True in verdicts:
        return True
    return None if None in verdicts else False


def _all_hold(part: str, version: Version) -> bool | None:
    clauses = _CLAUSE.findall(part)
    if not clauses or _CLAUSE.sub("", part).strip(" ,\t"):
        return None
    return all(_clause_holds(operator, number, version) for operator, number in clauses)


def _clause_holds(operator: str, number: str, version: Version) -> bool:
    wanted = tuple(int(one) for one in number.split(".") if one.isdigit())
    if not wanted:
        return True
    order = _compare(version, wanted)
    prefix = version[: len(wanted)] == wanted
    same_major = version[:1] == wanted[:1] and (wanted[0] > 0 or version[:2] == wanted[:2])
    verdicts = {
        ">=": order >= 0,
        ">": order > 0 and not prefix,
        "<=": order <= 0 or prefix,
        "<": order < 0,
        "!=": not prefix,
        "^": order >= 0 and same_major,
        "~=": order >= 0 and version[: len(wanted) - 1] == wanted[:-1],
        "~": order >= 0 and version[: min(2, len(wanted))] == wanted[:2],
    }
    return verdicts.get(operator, prefix)


def _compare(one: Version, other: Version) -> int:
    length = max(len(one), len(other))
    left, right = (version + (0,) * (length - len(version)) for version in (one, other))
    return (left > right) - (left < right)
