"""Which asset a file belonged to under another path, and giving it the new one."""

# ruff: noqa: S608  only constants of this program are put into statements; values are bound.

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .database import Database
from .seen_file import SeenFile
from .touch import TOUCH

CANDIDATES = 20
"""So many files of one size are compared with a new one of that size, at most."""

_LOST = "id, root_id, file_path, status, file_size, mtime_ns, inode, quick_hash, deleted_at IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Lost:
    """An asset whose file may have moved to where a new one was found."""

    id: int
    root_id: int
    path: str
    status: str
    size: int
    mtime_ns: int
    inode: int | None
    quick_hash: str | None
    is_trashed: int = 0


class MoveStore:
    """The table of assets, for who looks for moves into one root."""

    def __init__(self, database: Database, root_id: int) -> None:
        self._database = database
        self._root_id = root_id

    def candidates(self, seen: SeenFile) -> list[Lost]:
        """Return assets of this root that ``seen`` may be under a new name: of the same inode, or of the same size.

        Those of the inode also out of the trash.
        """
        return self._lost(
            f"SELECT {_LOST} FROM media_assets WHERE inode = :inode AND file_size = :size AND root_id = :root"
            f" UNION SELECT * FROM (SELECT {_LOST} FROM media_assets INDEXED BY idx_media_assets_size_hash"
            " WHERE file_size = :size AND quick_hash IS NOT NULL AND deleted_at IS NULL AND root_id = :root"
            " LIMIT :most)",
            {"inode": seen.inode, "size": seen.size},
        )

    def renamed_elsewhere(self, seen: SeenFile) -> list[Lost]:
        """Return assets of other roots, also in the trash, that were this very file: a rename leaves it as it is."""
        return self._lost(
            f"SELECT {_LOST} FROM media_assets INDEXED BY idx_media_assets_inode WHERE inode = :inode"
            " AND device = :device AND file_size = :size AND mtime_ns = :mtime_ns AND root_id <> :root"
            " LIMIT :most",
            {"inode": seen.inode, "device": seen.device, "size": seen.size, "mtime_ns": seen.mtime_ns},
        )

    def has_size_elsewhere(self, size: int) -> bool:
        """Whether an asset of another root has so many bytes: only then the file has to be read."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT 1 FROM media_assets INDEXED BY idx_media_assets_size_hash WHERE file_size = ?"
                " AND quick_hash IS NOT NULL AND deleted_at IS NULL AND root_id <> ? LIMIT 1",
                (size, self._root_id),
            ).fetchone()
        return row is not None

    def alike_elsewhere(self, size: int, quick_hash: str) -> list[Lost]:
        """Return assets of other roots with this size and these ends."""
        return self._lost(
            f"SELECT {_LOST} FROM media_assets INDEXED BY idx_media_assets_quick_hash WHERE quick_hash = :mark"
            " AND file_size = :size AND root_id <> :root AND deleted_at IS NULL ORDER BY id LIMIT :most",
            {"mark": quick_hash, "size": size},
        )

    def move(self, lost: Lost, seen: SeenFile) -> bool:
        """Give an asset the new path of its file, with id, title, tags and thumbnail; False when the path is taken."""
        with self._database.write() as connection:
            try:
                return take_path(connection, lost, seen, self._root_id)
            except sqlite3.IntegrityError:
                return False

    def _lost(self, statement: str, values: Mapping[str, Any]) -> list[Lost]:
        with self._database.read() as connection:
            rows = connection.execute(statement, {**values, "root": self._root_id, "most": CANDIDATES}).fetchall()
        return [Lost(*row) for row in rows]


def take_path(connection: sqlite3.Connection, lost: Lost, seen: SeenFile, root_id: int) -> bool:
    """Write that the file of an asset is ``seen`` now; False when the asset is not what it was."""
    unchanged = (lost.size, lost.mtime_ns) == (seen.size, seen.mtime_ns)
    state = "iif(status = 'offline', iif(thumbnail_key IS NULL, 'queued', 'ready'), status)"
    done = connection.execute(
        "UPDATE media_assets SET file_path = ?, root_id = ?, mtime_ns = ?, device = ?, inode = ?, offline_since = NULL,"
        f" status = {state if unchanged else repr('queued')}, {TOUCH}"
        " WHERE id = ? AND file_path = ? AND (deleted_at IS NOT NULL) = ?",
        (seen.path, root_id, seen.mtime_ns, seen.device, seen.inode, lost.id, lost.path, lost.is_trashed),
    )
    return done.rowcount == 1
