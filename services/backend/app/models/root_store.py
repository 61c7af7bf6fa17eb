"""The media folders as the library remembers them, and who watches them."""

# ruff: noqa: S608  only constants of this program are put into statements; values are bound.

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .database import Database
from .touch import NOW

if TYPE_CHECKING:
    from services.backend.app import answers

ROOT = 1
"""The one of MEDIA_PATH (C3)."""

_COLUMNS = "id, name, device, inode, offline_since, reason, scanned_at"
NOT_CONFIGURED = "this folder is not in ALLOWED_DIRS any more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A media folder. ``device`` and ``inode`` are those that the last good scan saw."""

    id: int
    name: str | None
    """As ALLOWED_DIRS has it; None is MEDIA_PATH."""
    device: int | None
    inode: int | None
    offline_since: str | None
    reason: str | None
    scanned_at: str | None

    def to_json(self) -> "answers.Root":
        """Return the API's form: no path, no device."""
        return {
            "id": self.id,
            "name": self.name,
            "status": "offline" if self.offline_since else "online",
            "offline_since": self.offline_since,
            "reason": self.reason,
            "scanned_at": self.scanned_at,
        }


class RootStore:
    """The table of roots, for one of them."""

    def __init__(self, database: Database, root_id: int = ROOT) -> None:
        self._database = database
        self._id = root_id

    def enter(self, names: Iterable[str]) -> dict[str, int]:
        """Make further roots known and return their ids; those that are not named any more are offline."""
        with self._database.write() as connection:
            wanted = json.dumps(sorted(names))
            connection.execute(
                "INSERT INTO roots (name) SELECT value FROM json_each(?)"
                " WHERE value NOT IN (SELECT name FROM roots WHERE name IS NOT NULL)",
                (wanted,),
            )
            connection.execute(
                f"UPDATE roots SET offline_since = ifnull(offline_since, {NOW}), reason = ?"
                " WHERE name IS NOT NULL AND name NOT IN (SELECT value FROM json_each(?))"
                # What is noted is not written again: a start beside a full disk needs no room.
                " AND (offline_since IS NULL OR reason IS NOT ?)",
                (NOT_CONFIGURED, wanted, NOT_CONFIGURED),
            )
            rows = connection.execute(
                "SELECT name, id FROM roots WHERE name IN (SELECT value FROM json_each(?))", (wanted,)
            )
            return {row["name"]: row["id"] for row in rows}

    def all(self) -> list[Root]:
        """Return every root, that of MEDIA_PATH first."""
        with self._database.read() as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM roots ORDER BY id").fetchall()
        return [Root(**dict(row)) for row in rows]

    def get(self) -> Root:
        """Return the root."""
        with self._database.read() as connection:
            row = connection.execute(f"SELECT {_COLUMNS} FROM roots WHERE id = ?", (self._id,)).fetchone()
        return Root(**dict(row))

    def go_offline(self, reason: str) -> bool:
        """Note that the root's disk is away; False when that was known with this reason."""
        with self._database.write() as connection:
            done = connection.execute(
                f"UPDATE roots SET offline_since = ifnull(offline_since, {NOW}), reason = ?"
                " WHERE id = ? AND (offline_since IS NULL OR reason IS NOT ?)",
                (reason, self._id, reason),
            )
        return done.rowcount == 1

    def scanned(self, device: int, inode: int) -> None:
        """Note that a scan went through it: the disk is there, and is this one."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE roots SET device = ?, inode = ?, offline_since = NULL, reason = NULL,"
                f" scanned_at = {NOW} WHERE id = ?",
                (device, inode, self._id),
            )

    def watch(self, worker: str, now: float, *, lease_s: float) -> bool:
        """Become or stay the one that watches the root; False when another worker is."""
        with self._database.write() as connection:
            done = connection.execute(
                "UPDATE roots SET watched_by = ?, watch_until = ? WHERE id = ? AND (watched_by = ? OR watch_until < ?)",
                (worker, now + lease_s, self._id, worker, now),
            )
        return done.rowcount == 1
