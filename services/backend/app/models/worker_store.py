"""Who works: the workers' heartbeats, and what the dead leave behind."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .database import Database
from .job_return import put_back, take_back

FORGET_AFTER_S = 60.0
"""A worker that was not heard of for so long leaves the list; its jobs went back long before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """What a worker says of itself."""

    decoders: int
    jobs: tuple[int, ...]
    """The ids of the jobs in hand, whose leases it renews."""
    done: int
    rate_per_s: float
    trouble: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownWorker:
    """A worker as the health page shows it."""

    id: str
    pid: int
    heartbeat_age_s: float
    uptime_s: float
    decoders: int
    active: int
    done: int
    rate_per_s: float
    trouble: str | None

    def to_json(self) -> dict[str, Any]:
        """Return the API's form."""
        return {name: getattr(self, name) for name in KnownWorker.__dataclass_fields__}


class WorkerStore:
    """The table of workers. Times are seconds since 1970."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enter(self, worker: str, pid: int, decoders: int, now: float) -> None:
        """Add a worker; one that is listed is left as it is."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO workers (id, pid, started_at, heartbeat_at, decoders) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                (worker, pid, now, now, decoders),
            )

    def beat(self, worker: str, beat: Heartbeat, now: float, *, lease_s: float) -> bool:
        """Say that the worker lives, and renew the leases of what it has in hand; False when it is not listed."""
        with self._database.write() as connection:
            done = connection.execute(
                "UPDATE workers SET heartbeat_at = ?, decoders = ?, active = ?, done = ?, rate_per_s = ?, trouble = ?"
                " WHERE id = ?",
                (now, beat.decoders, len(beat.jobs), beat.done, beat.rate_per_s, beat.trouble, worker),
            )
            if beat.jobs:
                connection.execute(
                    "UPDATE jobs SET lease_until = ? WHERE worker = ? AND state = 'running'"
                    " AND id IN (SELECT value FROM json_each(?))",
                    (now + lease_s, worker, json.dumps(beat.jobs)),
                )
        return done.rowcount == 1

    def bury(self, dead: Sequence[str], now: float) -> int:
        """Take back the jobs of the dead, and those whose lease ended; return how many."""
        gone = json.dumps(list(dead))
        with self._database.read() as connection:
            due = connection.execute(
                "SELECT 1 FROM jobs WHERE state = 'running' AND (lease_until < ? OR worker IN"
                " (SELECT value FROM json_each(?))) UNION ALL SELECT 1 FROM workers WHERE heartbeat_at < ? OR id IN"
                " (SELECT value FROM json_each(?)) LIMIT 1",
                (now, gone, now - FORGET_AFTER_S, gone),
            ).fetchone()
        if due is None:
            return 0
        with self._database.write() as connection:
            back = take_back(connection, dead, now)
            connection.execute(
                "DELETE FROM workers WHERE heartbeat_at < ? OR id IN (SELECT value FROM json_each(?))",
                (now - FORGET_AFTER_S, gone),
            )
            connection.execute(
                "UPDATE roots SET watched_by = NULL, watch_until = 0 WHERE watched_by IN"
                " (SELECT value FROM json_each(?))",
                (gone,),
            )
        return back

    def leave(self, worker: str) -> None:
        """Remove a worker that ends; what it had in hand goes back uncounted, its own end is no fault of a file."""
        with self._database.write() as connection:
            put_back(connection, worker)
            connection.execute("DELETE FROM workers WHERE id = ?", (worker,))
            connection.execute("UPDATE roots SET watched_by = NULL, watch_until = 0 WHERE watched_by = ?", (worker,))

    def ids(self) -> list[str]:
        """Return the ids of all that are listed."""
        with self._database.read() as connection:
            return [row[0] for row in connection.execute("SELECT id FROM workers ORDER BY started_at, id")]

    def known(self, now: float) -> list[KnownWorker]:
        """Return all that are listed, the oldest first."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT * FROM workers ORDER BY started_at, id").fetchall()
        return [
            KnownWorker(
                id=row["id"],
                pid=row["pid"],
                heartbeat_age_s=round(max(now - row["heartbeat_at"], 0.0), 1),
                uptime_s=round(max(now - row["started_at"], 0.0), 1),
                decoders=row["decoders"],
                active=row["active"],
                done=row["done"],
                rate_per_s=row["rate_per_s"],
                trouble=row["trouble"],
            )
            for row in rows
        ]
