"""The work that is due: rows of assets whose status says so are the queue.

A queue in the table outlives the process, is bounded by the disk and not by memory, and cannot
disagree with what the API shows. One thread takes from it.
"""

# ruff: noqa: S608  only constants of this program are put into statements; values are bound.

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .asset import COLUMNS, Asset, Status
from .asset_store import TOUCH, FoundFile, KnownFile, Outcome, register_in
from .database import Database

MAX_ATTEMPTS = 3
IN_HAND = "status IN ('extracting', 'thumbnailing')"
"""What a result is written to. An asset whose file changed meanwhile is queued again, and takes no old result."""

METADATA = ("width", "height", "duration", "fps", "codec", "container_format", "bit_rate")


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much is due, being done, and has failed; the age of the oldest due asset in seconds."""

    queued: int
    active: int
    failed: int
    oldest_age_s: float | None


class WorkStore:
    """What the pipeline reads and writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def resume(self) -> int:
        """Queue again what was being done when the last process ended; return how many."""
        with self._database.write() as connection:
            done = connection.execute(f"UPDATE media_assets SET status = 'queued', {TOUCH} WHERE {IN_HAND}")
        return done.rowcount

    def claim(self) -> Asset | None:
        """Take the next due asset and mark it ``extracting``; None when nothing is due.

        Files that killed the decoder before come last, so that they hold up nobody.
        """
        with self._database.write() as connection:
            row = connection.execute(
                f"UPDATE media_assets SET status = 'extracting', {TOUCH} WHERE id = ("
                " SELECT id FROM media_assets WHERE status = 'queued' AND deleted_at IS NULL"
                f" ORDER BY attempts, id LIMIT 1) RETURNING {COLUMNS}"
            ).fetchone()
        return Asset.from_row(row) if row else None

    def describe(self, asset_id: int, metadata: dict[str, Any]) -> Asset | None:
        """Store what was read from the file, and go on to the thumbnail."""
        values = {name: metadata.get(name) for name in METADATA}
        assignments = ", ".join(f"{name} = :{name}" for name in METADATA)
        return self._change(asset_id, f"status = 'thumbnailing', {assignments}", values, only=IN_HAND)

    def finish(self, asset_id: int, thumbnail_key: str) -> Asset | None:
        """Mark the asset ``ready``."""
        return self._change(
            asset_id,
            "status = 'ready', error = NULL, attempts = 0, thumbnail_key = :key",
            {"key": thumbnail_key},
            only=IN_HAND,
        )

    def fail(self, asset_id: int, reason: str) -> Asset | None:
        """Mark the asset ``failed``, with a reason for people."""
        return self._change(asset_id, "status = 'failed', error = :reason", {"reason": reason}, only=IN_HAND)

    def retry(self, asset_id: int, reason: str) -> Asset | None:
        """Count a death of the decoder: queue the asset again, or fail it after the third."""
        return self._change(
            asset_id,
            "attempts = attempts + 1, error = :reason,"
            f" status = CASE WHEN attempts + 1 >= {MAX_ATTEMPTS} THEN 'failed' ELSE 'queued' END",
            {"reason": reason},
            only=IN_HAND,
        )

    def release(self, asset_id: int) -> Asset | None:
        """Queue a claimed asset again; its file is not to blame."""
        return self._change(asset_id, "status = 'queued'", {})

    def go_offline(self, asset_id: int) -> Asset | None:
        """Mark the asset ``offline``: its file is not there. What is known of it stays."""
        return self._change(asset_id, "status = 'offline'", {})

    def register_all(self, batch: Iterable[FoundFile]) -> list[tuple[Asset, Outcome]]:
        """Register files of a scan in one transaction; what is in the trash stays there."""
        with self._database.write() as connection:
            return [register_in(connection, found, restore=False) for found in batch]

    def ready_thumbnails(self) -> list[tuple[int, str]]:
        """Return id and thumbnail key of every ready asset."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT id, thumbnail_key FROM media_assets WHERE status = 'ready' AND deleted_at IS NULL"
            ).fetchall()
        return [(row[0], row[1]) for row in rows]

    def known_files(self) -> dict[str, KnownFile]:
        """Return what is known of every file, by its path."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT file_path, id, file_size, mtime_ns, status, deleted_at IS NOT NULL FROM media_assets"
            ).fetchall()
        return {
            path: KnownFile(number, size, mtime, status, bool(trashed))
            for path, number, size, mtime, status, trashed in rows
        }

    def backlog(self) -> Backlog:
        """Count what is due, being done and failed."""
        with self._database.read() as connection:
            counts = dict(
                connection.execute(
                    "SELECT status, count(*) FROM media_assets"
                    " WHERE deleted_at IS NULL AND status NOT IN ('ready', 'offline') GROUP BY status"
                ).fetchall()
            )
            age = connection.execute(
                "SELECT (julianday('now') - julianday(min(updated_at))) * 86400 FROM media_assets"
                " WHERE status = 'queued' AND deleted_at IS NULL"
            ).fetchone()[0]
        active = counts.get(Status.EXTRACTING, 0) + counts.get(Status.THUMBNAILING, 0)
        oldest = None if age is None else round(max(age, 0.0), 1)
        return Backlog(counts.get(Status.QUEUED, 0), active, counts.get(Status.FAILED, 0), oldest)

    def _change(self, asset_id: int, assignments: str, values: dict[str, Any], *, only: str = "true") -> Asset | None:
        with self._database.write() as connection:
            row = connection.execute(
                f"UPDATE media_assets SET {assignments}, {TOUCH}"
                f" WHERE id = :asset_id AND deleted_at IS NULL AND {only} RETURNING {COLUMNS}",
                {**values, "asset_id": asset_id},
            ).fetchone()
        return Asset.from_row(row) if row else None
