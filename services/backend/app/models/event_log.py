"""The table of events: what happened to assets, numbered in the order of the commits.

Triggers write it (migrations 0003 and 0100), in this process and in workers alike. Here it is only
read, and cut to its newest KEPT rows.
"""

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from .database import Database

if TYPE_CHECKING:
    from services.backend.app import answers

KEPT = 100_000

PROGRESS = {"queued": 0, "extracting": 10, "thumbnailing": 50}
"""Percent by status; every other status is an end, hence 100."""

_COLUMNS = "seq, type, asset_id, status, error, rev, at"


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the table."""

    seq: int
    type: str
    asset_id: int | None
    status: str | None
    error: str | None
    rev: int | None
    at: str

    def to_json(self) -> "answers.Event":
        """Return the message that clients get; members that are not known are absent."""
        data: dict[str, Any] = {"asset_id": self.asset_id, "status": self.status, "rev": self.rev, "error": self.error}
        if self.type == "processing_update":
            data |= {"progress": PROGRESS.get(self.status or "", 100), "stage": self.status}
        known = cast("answers.EventData", {name: value for name, value in data.items() if value is not None})
        return {"type": self.type, "seq": self.seq, "at": self.at, "data": known}


@dataclass(frozen=True, slots=True)
class Extent:
    """The numbers that the table holds; ``oldest`` is ``latest + 1`` when it is empty."""

    epoch: str
    oldest: int
    latest: int

    def can_follow(self, seq: int) -> bool:
        """Whether everything after ``seq`` is there, so that nothing would be missed."""
        return self.oldest - 1 <= seq <= self.latest


class EventLog:
    """Reads the events, newest state first committed, first numbered."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def extent(self) -> Extent:
        """Return which events there are."""
        with self._database.read() as connection:
            return _extent(connection)

    def since(self, seq: int, limit: int) -> tuple[list[Event], Extent]:
        """Return up to ``limit`` events after ``seq`` in order, and what there is, both of one moment."""
        with self._database.read() as connection:
            connection.execute("BEGIN")
            try:
                extent = _extent(connection)
                rows = connection.execute(
                    f"SELECT {_COLUMNS} FROM events WHERE seq > ? ORDER BY seq LIMIT ?",  # noqa: S608  a constant
                    (seq, limit),
                ).fetchall()
            finally:
                connection.execute("COMMIT")
        return [Event(*row) for row in rows], extent

    def prune(self) -> int:
        """Keep the newest KEPT events; return how many were removed."""
        with self._database.write() as connection:
            done = connection.execute("DELETE FROM events WHERE seq <= (SELECT max(seq) FROM events) - ?", (KEPT,))
        return done.rowcount


def _extent(connection: sqlite3.Connection) -> Extent:
    epoch = connection.execute("SELECT epoch FROM event_epoch").fetchone()[0]
    oldest, latest = connection.execute(
        "SELECT (SELECT min(seq) FROM events), (SELECT max(seq) FROM events)"
    ).fetchone()
    if latest is None:  # an empty table still knows the last number it gave
        row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
        latest = row[0] if row else 0
        oldest = latest + 1
    return Extent(epoch, oldest, latest)
