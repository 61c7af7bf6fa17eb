"""The queue as people see it: list, retry, cancel, pause, and what is looked at goes first."""

# ruff: noqa: S608  only constants of this program are put into statements; values are bound.

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .database import Database
from .job import COLUMNS, Job, Kind, Priority, State
from .job_later import queue_later
from .touch import NOW, TOUCH

KEEP_FINISHED = 100
CANCELLED = "cancelled; retry it to have it done after all"


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many assets wait, are worked on and have failed; the age of the oldest that waits, in seconds."""

    queued: int
    active: int
    failed: int
    oldest_age_s: float | None
    later: int
    """Sprites and hashes, which wait until nothing else is due."""


class JobStore:
    """The table of jobs, for the API."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, *, state: State | None, kind: Kind | None, before: int | None, limit: int) -> list[Job]:
        """Return the newest jobs, those before the id ``before``."""
        clauses, values = ["true"], []
        for name, value in (("state", state), ("kind", kind)):
            if value is not None:
                clauses.append(f"{name} = ?")
                values.append(value.value)
        if before is not None:
            clauses.append("id < ?")
            values.append(str(before))
        with self._database.read() as connection:
            rows = connection.execute(
                f"SELECT {COLUMNS} FROM jobs WHERE {' AND '.join(clauses)} ORDER BY id DESC LIMIT ?", (*values, limit)
            ).fetchall()
        return [Job.from_row(row) for row in rows]

    def get(self, job_id: int) -> Job | None:
        """Return the job; None when there is none, or none any more."""
        with self._database.read() as connection:
            return _one(connection, job_id)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many jobs there are: kind -> state -> number."""
        counts: dict[str, dict[str, int]] = {}
        with self._database.read() as connection:
            for kind, state, number in connection.execute("SELECT kind, state, jobs FROM job_counts WHERE jobs > 0"):
                counts.setdefault(kind, {})[state] = number
        return counts

    def request_hashes(self, assets: Sequence[int]) -> None:
        """Queue the hashes of all bytes of these assets, of those that have none."""
        with self._database.write() as connection:
            rows = connection.execute(
                "SELECT id FROM media_assets WHERE id IN (SELECT value FROM json_each(?)) AND content_hash IS NULL",
                (json.dumps(list(assets)),),
            ).fetchall()
            for row in rows:
                queue_later(connection, Kind.HASH, row[0], Priority.HASH)

    def request_scan(self, folder: str, *, accept_missing: bool) -> Job:
        """Queue a scan, or return the one that waits already for the same."""
        parameters = json.dumps({"folder": folder, "accept_missing": accept_missing})
        with self._database.write() as connection:
            row = connection.execute(
                f"SELECT {COLUMNS} FROM jobs WHERE kind = 'scan' AND state = 'queued' AND parameters = ?", (parameters,)
            ).fetchone()
            if row is None:
                _forget_old(connection)
                row = connection.execute(
                    f"INSERT INTO jobs (kind, parameters, priority) VALUES ('scan', ?, ?) RETURNING {COLUMNS}",
                    (parameters, Priority.SCAN),
                ).fetchone()
        return Job.from_row(row)

    def retry(self, job_id: int) -> Job | None:
        """Queue a failed, cancelled or paused job again with all its attempts; None when it cannot be."""
        with self._database.write() as connection:
            job = _one(connection, job_id)
            if job is None or job.state not in {State.FAILED, State.CANCELLED, State.PAUSED}:
                return None
            _queue_again(connection, job)
            return _one(connection, job_id)

    def retry_all_failed(self) -> int:
        """Queue every failed job again; return how many."""
        with self._database.write() as connection:
            jobs = [
                Job.from_row(row)
                for row in connection.execute(f"SELECT {COLUMNS} FROM jobs WHERE state = 'failed'").fetchall()
            ]
            for job in jobs:
                _queue_again(connection, job)
        return len(jobs)

    def cancel(self, job_id: int) -> Job | None:
        """Let a job that waits, rests or runs not be done; the result of one that runs does not count."""
        with self._database.write() as connection:
            job = _changed(
                connection, job_id, "state = 'cancelled', claim = claim + 1", ("queued", "running", "paused")
            )
            if job is not None and job.kind in {Kind.METADATA, Kind.THUMBNAIL}:
                connection.execute(
                    f"UPDATE media_assets SET status = 'failed', error = ?, {TOUCH} WHERE id = ?",
                    (CANCELLED, job.asset_id),
                )
        return job

    def pause(self, job_id: int) -> Job | None:
        """Let a waiting job wait until it is retried; None when it does not wait."""
        with self._database.write() as connection:
            return _changed(connection, job_id, "state = 'paused'", ("queued",))

    def pause_all(self, *, paused: bool) -> None:
        """Let no job be claimed until the queue is resumed; what runs goes on to its end."""
        with self._database.write() as connection:
            connection.execute("UPDATE job_settings SET paused = ?", (paused,))

    def is_paused(self) -> bool:
        """Whether nothing is claimed."""
        with self._database.read() as connection:
            return bool(connection.execute("SELECT paused FROM job_settings").fetchone()[0])

    def look_at(self, asset_ids: Sequence[int]) -> int:
        """Put the jobs of these assets, which somebody looks at, before all others; return how many."""
        with self._database.read() as connection:
            due = connection.execute(
                "SELECT id FROM jobs WHERE asset_id IN (SELECT value FROM json_each(?))"
                " AND state = 'queued' AND priority > ? AND kind IN ('metadata', 'thumbnail')",
                (json.dumps(list(asset_ids)), Priority.VISIBLE),
            ).fetchall()
        if not due:
            return 0
        with self._database.write() as connection:
            done = connection.execute(
                "UPDATE jobs SET priority = ? WHERE state = 'queued' AND id IN (SELECT value FROM json_each(?))",
                (Priority.VISIBLE, json.dumps([row[0] for row in due])),
            )
        return done.rowcount

    def figures(self) -> dict[str, int]:
        """Count what waits, is in hand, has failed, and can wait until nothing else is due."""
        counts = self.counts()
        ahead = [counts.get(kind, {}) for kind in (Kind.METADATA, Kind.THUMBNAIL)]
        behind = [counts.get(kind, {}) for kind in (Kind.SPRITE, Kind.HASH)]
        return {
            "queued": _sum(ahead, State.QUEUED),
            "active": _sum([*ahead, *behind], State.RUNNING),
            "failed": _sum(ahead, State.FAILED),
            "later": _sum(behind, State.QUEUED),
        }

    def backlog(self) -> Backlog:
        """Count what is due, in hand and failed, and tell how old it is."""
        with self._database.read() as connection:
            age = connection.execute(
                "SELECT (julianday('now') - julianday(updated_at)) * 86400 FROM jobs"
                " WHERE state = 'queued' AND kind IN ('metadata', 'thumbnail') ORDER BY id LIMIT 1"
            ).fetchone()
        return Backlog(oldest_age_s=round(max(age[0], 0.0), 1) if age else None, **self.figures())


def _one(connection: sqlite3.Connection, job_id: int) -> Job | None:
    row = connection.execute(f"SELECT {COLUMNS} FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return Job.from_row(row) if row else None


def _changed(connection: sqlite3.Connection, job_id: int, assignments: str, states: tuple[str, ...]) -> Job | None:
    row = connection.execute(
        f"UPDATE jobs SET {assignments}, updated_at = {NOW}"
        f" WHERE id = ? AND state IN ({', '.join('?' * len(states))}) RETURNING {COLUMNS}",
        (job_id, *states),
    ).fetchone()
    return Job.from_row(row) if row else None


def _queue_again(connection: sqlite3.Connection, job: Job) -> None:
    if job.kind in {Kind.METADATA, Kind.THUMBNAIL}:
        # The asset's trigger queues the job, from its first step.
        connection.execute(
            f"UPDATE media_assets SET status = 'queued', error = NULL, {TOUCH} WHERE id = ?", (job.asset_id,)
        )
        return
    _changed(
        connection,
        job.id,
        "state = 'queued', attempts = 0, lost = 0, due_at = 0, error = NULL, progress = 0, claim = claim + 1",
        (State.FAILED, State.CANCELLED, State.PAUSED),
    )


def _forget_old(connection: sqlite3.Connection) -> None:
    """Keep the last finished scans only."""
    connection.execute(
        "DELETE FROM jobs WHERE kind = 'scan' AND state IN ('done', 'failed', 'cancelled') AND id NOT IN"
        " (SELECT id FROM jobs WHERE kind = 'scan' ORDER BY id DESC LIMIT ?)",
        (KEEP_FINISHED,),
    )


def _sum(counts: list[dict[str, Any]], state: State) -> int:
    return sum(count.get(state, 0) for count in counts)
