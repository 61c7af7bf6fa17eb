"""Single assets on behalf of people: find, register, put into the trash."""

# ruff: noqa: S608  only constants of this program are put into statements; values are bound.

import sqlite3
from dataclasses import dataclass
from enum import StrEnum

from .asset import COLUMNS, Asset, Status
from .database import Database

NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
TOUCH = f"updated_at = {NOW}, rev = rev + 1"
"""Every change goes with this, in the same statement (C9)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A file of a known type in the media folder, as it was seen just now."""

    path: str
    """Relative to the media folder, with forward slashes."""
    size: int
    mtime_ns: int
    media_type: str
    mime_type: str
    format: str
    title: str
    quick_hash: str | None = None
    """Of its size and its ends, where somebody has read them."""
    is_titled: bool = True
    """Whether somebody gave the title; one that was only made of the name replaces none."""


class Outcome(StrEnum):
    """What registering a file did."""

    CREATED = "created"
    CHANGED = "changed"
    KNOWN = "known"


class AssetStore:
    """The table of assets without what is in the trash, one asset at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, asset_id: int) -> Asset | None:
        """Return the asset, or None when there is none with this id."""
        with self._database.read() as connection:
            return self.get_in(connection, asset_id)

    @staticmethod
    def get_in(connection: sqlite3.Connection, asset_id: int) -> Asset | None:
        """Return the asset as a transaction of the caller's sees it."""
        row = connection.execute(
            f"SELECT {COLUMNS} FROM media_assets WHERE id = ? AND deleted_at IS NULL", (asset_id,)
        ).fetchone()
        return Asset.from_row(row) if row else None

    def any(self, asset_id: int) -> Asset | None:
        """Return the asset, also when it is in the trash."""
        with self._database.read() as connection:
            row = connection.execute(f"SELECT {COLUMNS} FROM media_assets WHERE id = ?", (asset_id,)).fetchone()
        return Asset.from_row(row) if row else None

    def at(self, path: str) -> Asset | None:
        """Return the asset of this path, also when it is in the trash."""
        with self._database.read() as connection:
            row = connection.execute(f"SELECT {COLUMNS} FROM media_assets WHERE file_path = ?", (path,)).fetchone()
        return Asset.from_row(row) if row else None

    def register(self, found: FoundFile, *, restore: bool) -> tuple[Asset, Outcome]:
        """Make the file known, or find that it is; a changed file is queued again.

        ``restore`` takes an asset of this path out of the trash; a scan leaves it there.
        """
        with self._database.write() as connection:
            return register_in(connection, found, restore=restore)

    def trash(self, asset_id: int) -> bool:
        """Put the asset into the trash, its file untouched; False when there is none with this id."""
        with self._database.write() as connection:
            done = connection.execute(
                f"UPDATE media_assets SET deleted_at = {NOW}, {TOUCH} WHERE id = ? AND deleted_at IS NULL",
                (asset_id,),
            )
        return done.rowcount == 1

    def thumbnail_keys(self) -> set[str]:
        """Return the keys of all thumbnails and scrub sheets in use, also those of assets in the trash."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT thumbnail_key FROM media_assets WHERE thumbnail_key IS NOT NULL UNION SELECT key FROM sprites"
            )
            return {row[0] for row in rows}

    def is_empty(self) -> bool:
        """Whether nothing was ever registered."""
        with self._database.read() as connection:
            return connection.execute("SELECT 1 FROM media_assets LIMIT 1").fetchone() is None


def register_in(connection: sqlite3.Connection, found: FoundFile, *, restore: bool) -> tuple[Asset, Outcome]:
    """Register a file inside a transaction of the caller's, see :meth:`AssetStore.register`."""
    row = connection.execute(f"SELECT {COLUMNS} FROM media_assets WHERE file_path = ?", (found.path,)).fetchone()
    if row is None:
        return _insert(connection, found), Outcome.CREATED
    asset = Asset.from_row(row)
    trashed = asset.deleted_at is not None
    if trashed and restore:
        title = found.title if found.is_titled else asset.title
        return _requeue(connection, asset.id, found, title=title), Outcome.CREATED
    if trashed or _unchanged(asset, found):
        return asset, Outcome.KNOWN
    return _requeue(connection, asset.id, found, title=asset.title), Outcome.CHANGED


def _unchanged(asset: Asset, found: FoundFile) -> bool:
    return (asset.file_size, asset.mtime_ns) == (found.size, found.mtime_ns) and asset.status is not Status.OFFLINE


def _insert(connection: sqlite3.Connection, found: FoundFile) -> Asset:
    row = connection.execute(
        "INSERT INTO media_assets (title, file_path, file_size, mtime_ns, media_type, mime_type, format, quick_hash)"
        f" VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING {COLUMNS}",
        (
            found.title,
            found.path,
            found.size,
            found.mtime_ns,
            found.media_type,
            found.mime_type,
            found.format,
            found.quick_hash,
        ),
    ).fetchone()
    return Asset.from_row(row)


def _requeue(connection: sqlite3.Connection, asset_id: int, found: FoundFile, *, title: str) -> Asset:
    row = connection.execute(
        "UPDATE media_assets SET status = 'queued', error = NULL, attempts = 0, deleted_at = NULL, title = ?,"
        " content_hash = iif(quick_hash IS ?, content_hash, NULL), quick_hash = ?,"
        f" file_size = ?, mtime_ns = ?, {TOUCH} WHERE id = ? RETURNING {COLUMNS}",
        (title, found.quick_hash, found.quick_hash, found.size, found.mtime_ns, asset_id),
    ).fetchone()
    return Asset.from_row(row)
