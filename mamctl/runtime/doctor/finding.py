"""One thing that was looked at."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Level(StrEnum):
    """How bad it is. NOTE: good to know. WARNING: it works, but not as well as it could. ERROR: it will not work."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


class Finding(NamedTuple):
    """What was found, in a sentence; `area` groups findings, `fix` is what a person can do."""

    level: Level
    area: str
    message: str
    fix: str | None = None


def ok(area: str, message: str) -> Finding:
    """Return a finding about what is well."""
    return Finding(Level.OK, area, message)
