"""Which job is next."""

# ruff: noqa: S608  only constants of this program are put into statements; values are bound.

import sqlite3

_ONLINE = (
    " AND NOT EXISTS (SELECT 1 FROM media_assets JOIN roots ON roots.id = root_id"
    " WHERE media_assets.id = asset_id AND roots.offline_since IS NOT NULL)"
)


def next_job(connection: sqlite3.Connection, now: float) -> int | None:
    """Return the id of the next job of an asset; None when nothing is due or may be begun."""
    paused, online, offline = connection.execute(
        "SELECT (SELECT paused FROM job_settings), count(*) FILTER (WHERE offline_since IS NULL),"
        " count(*) FILTER (WHERE offline_since IS NOT NULL) FROM roots"
    ).fetchone()
    # While its disk is away, an asset's file is not missing; it cannot be looked at.
    if paused or not online:
        return None
    # The index has the order; left to itself SQLite would take another one and sort the whole queue each time.
    row = connection.execute(
        "SELECT id FROM jobs INDEXED BY idx_jobs_due WHERE state = 'queued' AND due_at <= ? AND kind <> 'scan'"
        + (_ONLINE if offline else "")
        + " ORDER BY attempts, priority, asset_id DESC, id LIMIT 1",
        (now,),
    ).fetchone()
    return None if row is None else int(row[0])


def next_scan(connection: sqlite3.Connection, now: float) -> int | None:
    """Return the id of the next scan that somebody asked for."""
    row = connection.execute(
        "SELECT id FROM jobs INDEXED BY idx_jobs_scans WHERE kind = 'scan' AND state = 'queued' AND due_at <= ?"
        " ORDER BY id LIMIT 1",
        (now,),
    ).fetchone()
    return None if row is None else int(row[0])
