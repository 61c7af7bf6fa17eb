"""Jobs: what is due, for whom, and how soon."""

import json
import sqlite3
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any


class Kind(StrEnum):
    """What is to be done."""

    SCAN = "scan"
    METADATA = "metadata"
    """Becomes THUMBNAIL when it is done."""
    THUMBNAIL = "thumbnail"
    SPRITE = "sprite"
    HASH = "hash"


class State(StrEnum):
    """Where a job is. What is done for an asset leaves the table; the asset shows it."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Priority(IntEnum):
    """How soon; smaller is sooner."""

    VISIBLE = 0
    SCAN = 5
    METADATA = 10
    THUMBNAIL = 20
    SPRITE = 80
    HASH = 90


MAX_ATTEMPTS = 3
"""So often a file may end its decoder."""

MAX_LOST = 10
"""So often a worker may die with the job in hand: a restart is no fault of the file, a pattern is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One row of ``jobs``, as the API shows it."""

    id: int
    kind: Kind
    asset_id: int | None
    state: State
    priority: int
    attempts: int
    progress: float
    error: str | None
    parameters: dict[str, Any]
    result: dict[str, Any] | None
    created_at: str
    updated_at: str

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> "Job":
        """Build it from a row that was selected with :data:`COLUMNS`."""
        values = dict(row)
        values["kind"], values["state"] = Kind(values["kind"]), State(values["state"])
        values["parameters"] = json.loads(values["parameters"])
        values["result"] = json.loads(values["result"]) if values["result"] else None
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """Return the API's form."""
        return {name: getattr(self, name) for name in Job.__dataclass_fields__}


COLUMNS = ", ".join(Job.__dataclass_fields__)
