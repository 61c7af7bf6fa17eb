"""Jobs that come back: from the dead, from who leaves, and after a decoder's death."""

# ruff: noqa: S608  only constants of this program are put into statements; values are bound.

import json
import sqlite3
from collections.abc import Sequence

from .job import MAX_LOST, Kind
from .touch import NOW, TOUCH


def take_back(connection: sqlite3.Connection, workers: Sequence[str], now: float) -> int:
    """Queue again what dead workers had in hand, and what nobody renewed; return how many."""
    rows = connection.execute(
        "SELECT id, lost, kind, asset_id FROM jobs WHERE state = 'running' AND (lease_until < ? OR worker IN"
        " (SELECT value FROM json_each(?)))",
        (now, json.dumps(list(workers))),
    ).fetchall()
    for row in rows:
        back(connection, row["id"], None, due_at=0.0)
        connection.execute("UPDATE jobs SET lost = lost + 1 WHERE id = ?", (row["id"],))
        if row["lost"] + 1 >= MAX_LOST:
            _give_up(connection, row)
    return len(rows)


def put_back(connection: sqlite3.Connection, worker: str) -> None:
    """Queue again what a worker that ends has in hand, as if it had never taken it."""
    for row in connection.execute("SELECT id FROM jobs WHERE worker = ? AND state = 'running'", (worker,)).fetchall():
        back(connection, row["id"], None, due_at=0.0)


def _give_up(connection: sqlite3.Connection, row: sqlite3.Row) -> None:
    reason = f"the worker died {MAX_LOST} times with it in hand"
    connection.execute("UPDATE jobs SET state = 'failed', error = ? WHERE id = ?", (reason, row["id"]))
    if row["kind"] in {Kind.METADATA, Kind.THUMBNAIL}:
        connection.execute(
            f"UPDATE media_assets SET status = 'failed', error = ?, {TOUCH} WHERE id = ?", (reason, row["asset_id"])
        )


def back(connection: sqlite3.Connection, job_id: int, reason: str | None, *, due_at: float) -> None:
    """Queue a job again, not before ``due_at``; its claim is void."""
    row = connection.execute(
        "SELECT kind, asset_id, attempts, lost, priority FROM jobs WHERE id = ?", (job_id,)
    ).fetchone()
    if row["kind"] == Kind.METADATA:
        # People see that it waits again. The asset's trigger makes a fresh job of it, which this one is not.
        connection.execute(f"UPDATE media_assets SET status = 'queued', {TOUCH} WHERE id = ?", (row["asset_id"],))
        connection.execute(
            "UPDATE jobs SET attempts = ?, lost = ?, priority = ? WHERE id = ?",
            (row["attempts"], row["lost"], row["priority"], job_id),
        )
    connection.execute(
        "UPDATE jobs SET state = 'queued', worker = NULL, lease_until = NULL, claim = claim + 1, due_at = ?,"
        f" error = ?, updated_at = {NOW} WHERE id = ?",
        (due_at, reason, job_id),
    )
