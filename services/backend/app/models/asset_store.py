"""Reading and changing assets on behalf of people: list, find, register, put into the trash."""

# ruff: noqa: S608  only constants of this program are put into statements; values are bound.

import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .asset import COLUMNS, Asset, Status
from .database import Database

NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
TOUCH = f"updated_at = {NOW}, rev = rev + 1"
"""Every change goes with this, in the same statement (C9)."""

SORTS = {
    "updated_at": "updated_at",
    "created_at": "created_at",
    "title": "title COLLATE NOCASE",
    "file_size": "file_size",
    "duration": "duration",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a page of the list shall hold; every value is checked before it gets here."""

    page: int = 1
    per_page: int = 50
    sort: str = "updated_at"
    descending: bool = True
    text: str | None = None
    media_type: str | None = None
    status: Status | None = None


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


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What a scan compares a file with."""

    id: int
    size: int
    mtime_ns: int
    status: str
    trashed: bool


class Outcome(StrEnum):
    """What registering a file did."""

    CREATED = "created"
    CHANGED = "changed"
    KNOWN = "known"


class AssetStore:
    """The table of assets without what is in the trash."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, asset_id: int) -> Asset | None:
        """Return the asset, or None when there is none with this id."""
        with self._database.read() as connection:
            row = connection.execute(
                f"SELECT {COLUMNS} FROM media_assets WHERE id = ? AND deleted_at IS NULL", (asset_id,)
            ).fetchone()
        return Asset.from_row(row) if row else None

    def page(self, listing: Listing) -> tuple[list[Asset], int]:
        """Return the assets of one page, and how many there are on all pages."""
        where, values = _where(listing)
        column, direction = SORTS[listing.sort], "DESC" if listing.descending else "ASC"
        # A duration that is not known comes last in either direction.
        order = f"{column} {direction} NULLS LAST, id {direction}"
        limits = (listing.per_page, (listing.page - 1) * listing.per_page)
        with self._database.read() as connection:
            connection.execute("BEGIN")  # both statements see one state
            try:
                total = connection.execute(f"SELECT count(*) FROM media_assets WHERE {where}", values).fetchone()[0]
                rows = connection.execute(
                    f"SELECT {COLUMNS} FROM media_assets WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?",
                    (*values, *limits),
                ).fetchall()
            finally:
                connection.execute("COMMIT")
        return [Asset.from_row(row) for row in rows], total

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
        """Return the keys of all thumbnails in use, also those of assets in the trash."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT thumbnail_key FROM media_assets WHERE thumbnail_key IS NOT NULL")
            return {row[0] for row in rows}

    def is_empty(self) -> bool:
        """Whether nothing was ever registered."""
        with self._database.read() as connection:
            return connection.execute("SELECT 1 FROM media_assets LIMIT 1").fetchone() is None


def register_in(connection: sqlite3.Connection, found: FoundFile, *, restore: bool) -> tuple[Asset, Outcome]:
    """Register a file inside a transaction of the caller's, see :meth:`AssetStore.register`."""
    row = connection.execute(
        f"SELECT {COLUMNS}, deleted_at FROM media_assets WHERE file_path = ?", (found.path,)
    ).fetchone()
    if row is None:
        return _insert(connection, found), Outcome.CREATED
    trashed = row["deleted_at"] is not None
    asset = Asset.from_row(_without_last(row))
    if trashed and restore:
        return _requeue(connection, asset.id, found, title=found.title), Outcome.CREATED
    if trashed or _unchanged(asset, found):
        return asset, Outcome.KNOWN
    return _requeue(connection, asset.id, found, title=asset.title), Outcome.CHANGED


def _without_last(row: sqlite3.Row) -> Any:
    return {key: row[key] for key in row.keys()[:-1]}


def _unchanged(asset: Asset, found: FoundFile) -> bool:
    return (asset.file_size, asset.mtime_ns) == (found.size, found.mtime_ns) and asset.status is not Status.OFFLINE


def _insert(connection: sqlite3.Connection, found: FoundFile) -> Asset:
    row = connection.execute(
        "INSERT INTO media_assets (title, file_path, file_size, mtime_ns, media_type, mime_type, format)"
        f" VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING {COLUMNS}",
        (found.title, found.path, found.size, found.mtime_ns, found.media_type, found.mime_type, found.format),
    ).fetchone()
    return Asset.from_row(row)


def _requeue(connection: sqlite3.Connection, asset_id: int, found: FoundFile, *, title: str) -> Asset:
    row = connection.execute(
        "UPDATE media_assets SET status = 'queued', error = NULL, attempts = 0, deleted_at = NULL, title = ?,"
        f" file_size = ?, mtime_ns = ?, {TOUCH} WHERE id = ? RETURNING {COLUMNS}",
        (title, found.size, found.mtime_ns, asset_id),
    ).fetchone()
    return Asset.from_row(row)


def _where(listing: Listing) -> tuple[str, list[Any]]:
    clauses, values = ["deleted_at IS NULL"], []
    if listing.media_type:
        clauses.append("media_type = ?")
        values.append(listing.media_type)
    if listing.status:
        clauses.append("status = ?")
        values.append(listing.status.value)
    if listing.text:
        pattern = "%" + listing.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        clauses.append("(title LIKE ? ESCAPE '\\' OR file_path LIKE ? ESCAPE '\\')")
        values += [pattern, pattern]
    return " AND ".join(clauses), values
