"""What a scan reads and writes. Every change is made in batches, and none is a deletion."""

# ruff: noqa: S608  only constants of this program are put into statements; values are bound.

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .copy_store import CopyStore
from .database import Database
from .move_store import MoveStore
from .root_store import ROOT
from .seen_file import SeenFile
from .touch import NOW, TOUCH

PAGE = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """A seen file that the library does not know, and what its name says."""

    seen: SeenFile
    media_type: str
    mime_type: str
    format: str
    title: str


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What a scan compares a file with."""

    path: str
    id: int
    size: int
    mtime_ns: int
    inode: int | None
    status: str
    trashed: bool


class ScanStore:
    """The table of assets, for the scanner."""

    def __init__(self, database: Database, root_id: int = ROOT) -> None:
        self._database = database
        self._root_id = root_id
        self.moves = MoveStore(database, root_id)
        self.copies = CopyStore(database)

    def known(self, folder: str) -> Iterator[KnownFile]:
        """Give all files beneath ``folder`` ("" is the root) in the order of their paths, a page at a time.

        No transaction stays open between pages: a long one would let the write-ahead log grow without end.
        """
        after, end = (f"{folder}/", f"{folder}0") if folder else ("", None)
        while True:
            with self._database.read() as connection:
                rows = connection.execute(
                    "SELECT file_path, id, file_size, mtime_ns, inode, status, deleted_at IS NOT NULL"
                    " FROM media_assets WHERE root_id = ? AND file_path > ? AND (? IS NULL OR file_path < ?)"
                    " ORDER BY file_path LIMIT ?",
                    (self._root_id, after, end, end, PAGE),
                ).fetchall()
            for path, number, size, mtime_ns, inode, status, trashed in rows:
                yield KnownFile(path, number, size, mtime_ns, inode, status, bool(trashed))
            if len(rows) < PAGE:
                return
            after = rows[-1][0]

    def count(self) -> int:
        """Return how many assets are expected to have a file."""
        with self._database.read() as connection:
            if connection.execute("SELECT count(*) FROM roots").fetchone()[0] > 1:
                row = connection.execute(
                    "SELECT count(*) FROM media_assets WHERE root_id = ? AND status <> 'offline'"
                    " AND deleted_at IS NULL",
                    (self._root_id,),
                ).fetchone()
                return int(row[0])
            row = connection.execute(
                "SELECT ifnull(sum(assets), 0) FROM asset_counts WHERE trashed = 0 AND status <> 'offline'"
            ).fetchone()
        return int(row[0])

    def add(self, batch: Sequence[NewFile]) -> int:
        """Make files known that were new; a path that came in meanwhile is left alone. Returns how many were new."""
        with self._database.write() as connection:
            return sum(_insert(connection, file) for file in batch)

    def change(self, batch: Sequence[tuple[int, SeenFile]]) -> None:
        """Queue assets again whose file has another size or time."""
        with self._database.write() as connection:
            connection.executemany(
                "UPDATE media_assets SET file_size = ?, mtime_ns = ?, device = ?, inode = ?, status = 'queued',"
                f" error = NULL, attempts = 0, offline_since = NULL, {TOUCH} WHERE id = ? AND deleted_at IS NULL",
                [(seen.size, seen.mtime_ns, seen.device, seen.inode, number) for number, seen in batch],
            )

    def identify(self, batch: Sequence[tuple[int, SeenFile]]) -> None:
        """Note device and inode of files that were registered without; that is no change of the asset."""
        with self._database.write() as connection:
            connection.executemany(
                "UPDATE media_assets SET device = ?, inode = ? WHERE id = ?",
                [(seen.device, seen.inode, number) for number, seen in batch],
            )

    def come_back(self, batch: Sequence[tuple[int, SeenFile]]) -> None:
        """Note that files are there again as they were: what is known of them still holds."""
        with self._database.write() as connection:
            connection.executemany(
                "UPDATE media_assets SET status = iif(thumbnail_key IS NULL, 'queued', 'ready'), offline_since = NULL,"
                f" device = ?, inode = ?, {TOUCH} WHERE id = ? AND status = 'offline' AND deleted_at IS NULL",
                [(seen.device, seen.inode, number) for number, seen in batch],
            )

    def miss(self, ids: Sequence[int]) -> int:
        """Mark assets ``offline``: their files are not there. What is known of them stays. Returns how many."""
        with self._database.write() as connection:
            done = connection.execute(
                f"UPDATE media_assets SET status = 'offline', offline_since = {NOW}, {TOUCH}"
                " WHERE id IN (SELECT value FROM json_each(?)) AND status <> 'offline' AND deleted_at IS NULL",
                (json.dumps(list(ids)),),
            )
            connection.execute(
                "DELETE FROM jobs WHERE asset_id IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),)
            )
        return done.rowcount

    def still_here(self, ids: Sequence[int]) -> list[int]:
        """Return those that are assets of this root: the others have moved to another one."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT id FROM media_assets WHERE id IN (SELECT value FROM json_each(?)) AND root_id = ?",
                (json.dumps(list(ids)), self._root_id),
            ).fetchall()
        return [row[0] for row in rows]

    def redraw(self, ids: Sequence[int]) -> None:
        """Queue assets whose thumbnail somebody removed from the disk."""
        with self._database.write() as connection:
            connection.execute(
                f"UPDATE media_assets SET status = 'queued', {TOUCH} WHERE id IN (SELECT value FROM json_each(?))"
                " AND status = 'ready' AND deleted_at IS NULL",
                (json.dumps(list(ids)),),
            )

    def ready_thumbnails(self) -> Iterator[tuple[int, str]]:
        """Give id and thumbnail key of every ready asset, a page at a time."""
        after = 0
        while True:
            with self._database.read() as connection:
                rows = connection.execute(
                    "SELECT id, thumbnail_key FROM media_assets WHERE id > ? AND status = 'ready'"
                    " AND thumbnail_key IS NOT NULL AND deleted_at IS NULL ORDER BY id LIMIT ?",
                    (after, PAGE),
                ).fetchall()
            yield from ((row[0], row[1]) for row in rows)
            if len(rows) < PAGE:
                return
            after = rows[-1][0]


def _insert(connection: sqlite3.Connection, file: NewFile) -> int:
    seen = file.seen
    done = connection.execute(
        "INSERT INTO media_assets (title, file_path, file_size, mtime_ns, device, inode, media_type, mime_type, format,"
        f" found_at) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, {NOW}"
        " WHERE NOT EXISTS (SELECT 1 FROM media_assets WHERE file_path = ?)",
        (file.title, seen.path, seen.size, seen.mtime_ns, seen.device, seen.inode, file.media_type, file.mime_type,
         file.format, seen.path),
    )  # fmt: skip
    return max(done.rowcount, 0)
