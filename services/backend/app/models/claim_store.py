"""The queue as a worker sees it: claim a job, store what came of it.

A claim is a lease: it ends unless its worker renews it, and its number rises with every claim and every change of mind
(the file changed, somebody cancelled). Each result is stored only while the number is still the claimer's, in one
transaction with the change of the asset. So a worker that was thought dead and comes back changes nothing twice.
"""

# ruff: noqa: S608  only constants of this program are put into statements; values are bound.

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .asset import COLUMNS, Asset
from .database import Database
from .job import MAX_ATTEMPTS, Kind, Priority, State
from .job_later import queue_later
from .job_order import next_job, next_scan
from .job_return import back
from .touch import NOW, TOUCH

BACKOFF_S = 2.0
"""Before the second attempt; four times as long before the third."""

METADATA = ("width", "height", "duration", "fps", "codec", "container_format", "bit_rate", "taken_at")
IN_HAND = ("extracting", "thumbnailing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A job in a worker's hand; ``number`` is what its results must carry."""

    job_id: int
    number: int
    kind: Kind
    asset: Asset | None
    priority: int
    attempts: int
    parameters: dict[str, Any]


class ClaimStore:
    """What one worker takes from the queue and gives back. Times are seconds since 1970."""

    def __init__(self, database: Database, worker: str, *, lease_s: float, backoff_s: float = BACKOFF_S) -> None:
        self._database = database
        self._worker = worker
        self._lease_s = lease_s
        self._backoff_s = backoff_s

    def claim(self, now: float) -> Claim | None:
        """Take the next job of an asset; None when nothing is due, the queue is paused or the media are offline."""
        return self._claim(next_job, now)

    def claim_scan(self, now: float) -> Claim | None:
        """Take the next scan that somebody asked for; None when there is none."""
        return self._claim(next_scan, now)

    def _claim(self, find: Callable[[sqlite3.Connection, float], int | None], now: float) -> Claim | None:
        with self._database.read() as connection:
            # Looking costs no lock: an idle worker never disturbs who writes.
            if find(connection, now) is None:
                return None
        with self._database.write() as connection:
            job_id = find(connection, now)
            return None if job_id is None else self._take(connection, job_id, now)

    def _take(self, connection: sqlite3.Connection, job_id: int, now: float) -> Claim:
        row = connection.execute(
            "UPDATE jobs SET state = 'running', worker = ?, lease_until = ?, claim = claim + 1, error = NULL,"
            f" updated_at = {NOW} WHERE id = ? RETURNING claim, kind, asset_id, priority, attempts, parameters",
            (self._worker, now + self._lease_s, job_id),
        ).fetchone()
        kind = Kind(row["kind"])
        return Claim(
            job_id=job_id,
            number=row["claim"],
            kind=kind,
            asset=_asset_in_hand(connection, row["asset_id"], kind),
            priority=row["priority"],
            attempts=row["attempts"],
            parameters=json.loads(row["parameters"]),
        )

    def describe(self, claim: Claim, metadata: dict[str, Any], *, quick_hash: str) -> Asset | None:
        """Store what was read from the file; the job goes on as that of its thumbnail. None: the claim is void."""
        values = {name: metadata.get(name) for name in METADATA} | {"quick_hash": quick_hash}
        assignments = ", ".join(f"{name} = :{name}" for name in values)
        # The hash of all bytes was that of the old ones, if even the quick one differs.
        assignments += ", content_hash = iif(quick_hash IS :quick_hash, content_hash, NULL)"
        with self._database.write() as connection:
            if not self._holds(connection, claim):
                return None
            asset = _change(connection, claim, f"status = 'thumbnailing', {assignments}", values)
            priority = min(claim.priority + Priority.THUMBNAIL - Priority.METADATA, Priority.THUMBNAIL)
            connection.execute(
                "UPDATE jobs SET kind = 'thumbnail', state = 'queued', attempts = 0, progress = 50, worker = NULL,"
                f" lease_until = NULL, priority = ?, updated_at = {NOW} WHERE id = ?",
                (claim.priority if claim.priority == Priority.VISIBLE else priority, claim.job_id),
            )
            _queue_twins(connection, claim, quick_hash)
        return asset

    def finish(
        self, claim: Claim, *, thumbnail_key: str, thumbhash: str, shown: tuple[int | None, int | None] = (None, None)
    ) -> Asset | None:
        """Store the thumbnail: the asset is ready, the job is over. A video's sprite is queued.

        ``shown``: width and height, where the picture told more of them than the file's figures.
        """
        with self._database.write() as connection:
            if not self._end(connection, claim):
                return None
            asset = _change(
                connection,
                claim,
                "status = 'ready', error = NULL, attempts = 0, thumbnail_key = :key, thumbhash = :hash,"
                " width = ifnull(:width, width), height = ifnull(:height, height)",
                {"key": thumbnail_key, "hash": thumbhash, "width": shown[0], "height": shown[1]},
            )
            if asset is not None and asset.media_type == "video":
                queue_later(connection, Kind.SPRITE, asset.id, Priority.SPRITE)
        return asset

    def finish_sprite(self, claim: Claim, *, key: str, places: dict[str, Any]) -> None:
        """Store a sheet for scrubbing; the asset's revision rises, so that clients fetch it."""
        with self._database.write() as connection:
            if self._end(connection, claim):
                connection.execute(
                    "INSERT INTO sprites VALUES (?, ?, ?)"
                    " ON CONFLICT (asset_id) DO UPDATE SET key = excluded.key, places = excluded.places",
                    (_id(claim), key, json.dumps(places)),
                )
                connection.execute(f"UPDATE media_assets SET {TOUCH} WHERE id = ?", (_id(claim),))

    def finish_hash(self, claim: Claim, content_hash: str) -> None:
        """Store the hash of the whole content."""
        with self._database.write() as connection:
            if self._end(connection, claim):
                connection.execute(
                    f"UPDATE media_assets SET content_hash = ?, {TOUCH} WHERE id = ?", (content_hash, _id(claim))
                )

    def finish_scan(self, claim: Claim, result: dict[str, Any], *, error: str | None = None) -> None:
        """Store what a scan found, or why it could not."""
        state = State.FAILED if error else State.DONE
        with self._database.write() as connection:
            if self._holds(connection, claim):
                connection.execute(
                    "UPDATE jobs SET state = ?, result = ?, error = ?, progress = 100, worker = NULL,"
                    f" lease_until = NULL, updated_at = {NOW} WHERE id = ?",
                    (state, json.dumps(result), error, claim.job_id),
                )

    def report(self, claim: Claim, result: dict[str, Any]) -> bool:
        """Store how far a scan is; False when the claim is void and the scan shall end."""
        with self._database.write() as connection:
            held = self._holds(connection, claim)
            if held:
                connection.execute("UPDATE jobs SET result = ? WHERE id = ?", (json.dumps(result), claim.job_id))
        return held

    def fail(self, claim: Claim, reason: str) -> Asset | None:
        """Give the job up, with a reason for people. A sprite or a hash that fails does not harm its asset."""
        with self._database.write() as connection:
            return self._fail(connection, claim, reason) if self._holds(connection, claim) else None

    def retry(self, claim: Claim, reason: str, now: float) -> Asset | None:
        """Count a death of the decoder: the job waits longer each time, and is given up after the third."""
        with self._database.write() as connection:
            if not self._holds(connection, claim):
                return None
            attempts = claim.attempts + 1
            connection.execute("UPDATE jobs SET attempts = ? WHERE id = ?", (attempts, claim.job_id))
            if attempts >= MAX_ATTEMPTS:
                return self._fail(connection, claim, f"{reason} ({attempts} attempts)")
            back(connection, claim.job_id, reason, due_at=now + self._backoff_s * 4 ** (attempts - 1))
            return _find(connection, claim)

    def release(self, claim: Claim, *, due_at: float = 0.0) -> None:
        """Put the job back as it was; its file is not to blame."""
        with self._database.write() as connection:
            if self._holds(connection, claim):
                back(connection, claim.job_id, None, due_at=due_at)

    def go_offline(self, claim: Claim) -> Asset | None:
        """Note that the asset's file is not there; a scan that finds it queues it again."""
        with self._database.write() as connection:
            if not self._end(connection, claim):
                return None
            return _change(connection, claim, f"status = 'offline', offline_since = {NOW}", {}, states=None)

    def _fail(self, connection: sqlite3.Connection, claim: Claim, reason: str) -> Asset | None:
        connection.execute(
            "UPDATE jobs SET state = 'failed', error = ?, worker = NULL, lease_until = NULL, claim = claim + 1,"
            f" updated_at = {NOW} WHERE id = ?",
            (reason, claim.job_id),
        )
        if claim.kind in {Kind.METADATA, Kind.THUMBNAIL}:
            return _change(connection, claim, "status = 'failed', error = :reason", {"reason": reason})
        return None

    def _holds(self, connection: sqlite3.Connection, claim: Claim) -> bool:
        row = connection.execute(
            "SELECT 1 FROM jobs WHERE id = ? AND claim = ? AND worker = ? AND state = 'running'",
            (claim.job_id, claim.number, self._worker),
        ).fetchone()
        return row is not None

    def _end(self, connection: sqlite3.Connection, claim: Claim) -> bool:
        held = self._holds(connection, claim)
        if held:
            connection.execute("DELETE FROM jobs WHERE id = ?", (claim.job_id,))
        return held


def _asset_in_hand(connection: sqlite3.Connection, asset_id: int | None, kind: Kind) -> Asset | None:
    if asset_id is None:
        return None
    if kind is Kind.METADATA:
        connection.execute(f"UPDATE media_assets SET status = 'extracting', {TOUCH} WHERE id = ?", (asset_id,))
    return _asset(connection, asset_id)


def _asset(connection: sqlite3.Connection, asset_id: int) -> Asset | None:
    row = connection.execute(f"SELECT {COLUMNS} FROM media_assets WHERE id = ?", (asset_id,)).fetchone()
    return Asset.from_row(row) if row else None


def _find(connection: sqlite3.Connection, claim: Claim) -> Asset | None:
    return _asset(connection, _id(claim)) if claim.asset else None


def _change(
    connection: sqlite3.Connection,
    claim: Claim,
    assignments: str,
    values: dict[str, Any],
    *,
    states: tuple[str, ...] | None = IN_HAND,
) -> Asset | None:
    where = f" AND status IN {states}" if states else ""
    row = connection.execute(
        f"UPDATE media_assets SET {assignments}, {TOUCH} WHERE id = :asset_id AND deleted_at IS NULL{where}"
        f" RETURNING {COLUMNS}",
        {**values, "asset_id": _id(claim)},
    ).fetchone()
    return Asset.from_row(row) if row else None


def _queue_twins(connection: sqlite3.Connection, claim: Claim, quick_hash: str) -> None:
    """When quick hashes meet, only the whole content tells whether the files are the same."""
    meeting = connection.execute(
        "SELECT id, content_hash FROM media_assets WHERE quick_hash = ? AND deleted_at IS NULL", (quick_hash,)
    ).fetchall()
    if len(meeting) < 2:
        return
    for row in meeting:
        if row["content_hash"] is None or row["id"] == _id(claim):
            queue_later(connection, Kind.HASH, row["id"], Priority.HASH)


def _id(claim: Claim) -> int:
    assert claim.asset is not None, "this job is about an asset"
    return claim.asset.id
