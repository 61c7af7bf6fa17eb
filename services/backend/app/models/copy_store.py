"""Copies whose original went: a move to another disk is a copy first, and may be found before the original goes."""

# ruff: noqa: S608  only constants of this program are put into statements; values are bound.

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from .database import Database
from .move_store import Lost, take_path
from .seen_file import SeenFile

WITHIN = "-1 day"
"""So long before its original went a copy may have come at most. What lay side by side for longer were two."""

MOST = 20_000

_LOST = "l.id, l.root_id, l.file_path, l.status, l.file_size, l.mtime_ns, l.inode, l.quick_hash"
# Found by a scan (nobody was told its id), younger, of the same content as far as anybody looked, and nobody has done
# anything with it.
_HEIRS = (
    "JOIN media_assets c INDEXED BY idx_media_assets_quick_hash ON c.quick_hash = l.quick_hash"
    " AND c.id > l.id AND c.file_size = l.file_size AND c.deleted_at IS NULL AND c.status <> 'offline'"
    " AND ifnull(c.content_hash = l.content_hash, 1)"
    " AND c.tags = '[]' AND c.rating IS NULL AND c.favorite = 0"
    " AND NOT EXISTS (SELECT 1 FROM collection_assets WHERE asset_id = c.id)"
    f" AND c.found_at > strftime('%Y-%m-%dT%H:%M:%fZ', ifnull(l.offline_since, 'now'), '{WITHIN}')"
)


@dataclass(frozen=True, slots=True)
class Heir:
    """An asset of a copy that may be the file of a lost one."""

    id: int
    root_id: int
    rev: int
    title: str
    seen: SeenFile


class CopyStore:
    """The table of assets, for who looks for moves that a scan took for copies."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def rev(self) -> int:
        """The library's revision: as long as it is the same, there is nothing new to find."""
        with self._database.read() as connection:
            return int(connection.execute("SELECT rev FROM library").fetchone()[0])

    def with_copies(self, ids: Sequence[int]) -> list[tuple[Lost, Heir]]:
        """Return those of ``ids`` that have an heir, each with all of them."""
        lost = "json_each(:ids) j CROSS JOIN media_assets l ON l.id = j.value AND l.quick_hash IS NOT NULL"
        return self._pairs(lost, {"ids": json.dumps(list(ids))}, -1)

    def went(self) -> list[tuple[Lost, Heir]]:
        """Return assets whose file went within the last day, with their heirs; MOST pairs."""
        lost = "(SELECT * FROM media_assets INDEXED BY idx_media_assets_status WHERE status = 'offline'"
        lost += f" AND updated_at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '{WITHIN}') AND deleted_at IS NULL) l"
        return self._pairs(lost, {}, MOST)

    def inherit(self, lost: Lost, heir: Heir) -> bool:
        """Give the lost asset the file of the copy, whose own asset goes; False when one of them has changed."""
        with self._database.write() as connection:
            row = connection.execute(
                "SELECT 1 FROM media_assets WHERE id = ? AND file_path = ? AND status = 'offline'"
                " AND deleted_at IS NULL",
                (lost.id, lost.path),
            ).fetchone()
            return (
                row is not None and _forget(connection, heir) and take_path(connection, lost, heir.seen, heir.root_id)
            )

    def _pairs(self, lost: str, values: dict[str, object], most: int) -> list[tuple[Lost, Heir]]:
        with self._database.read() as connection:
            rows = connection.execute(
                f"SELECT {_LOST}, c.id, c.root_id, c.rev, c.title, c.file_path, c.file_size, c.mtime_ns, c.device,"
                f" c.inode FROM {lost} {_HEIRS} ORDER BY l.id, c.id LIMIT :most",
                {**values, "most": most},
            ).fetchall()
        return [(Lost(*row[:8]), _heir(row[8:])) for row in map(tuple, rows)]


def _heir(row: tuple[int, int, int, str, str, int, int, int, int]) -> Heir:
    number, root_id, rev, title, path, size, mtime_ns, device, inode = row
    return Heir(
        number, root_id, rev, title, SeenFile(path=path, size=size, mtime_ns=mtime_ns, device=device, inode=inode)
    )


def _forget(connection: sqlite3.Connection, heir: Heir) -> bool:
    return connection.execute("DELETE FROM media_assets WHERE id = ? AND rev = ?", (heir.id, heir.rev)).rowcount == 1
