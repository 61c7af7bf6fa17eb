"""The media folders as the library remembers them, and who watches them."""

# ruff: noqa: S608  only constants of this program are put into statements; values are bound.

from dataclasses import dataclass
from typing import Any

from .database import Database
from .touch import NOW

ROOT = 1
"""The one of MEDIA_PATH (C3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A media folder. ``device`` and ``inode`` are those that the last good scan saw."""

    id: int
    device: int | None
    inode: int | None
    offline_since: str | None
    reason: str | None
    scanned_at: str | None

    def to_json(self) -> dict[str, Any]:
        """Return the API's form: no path, no device."""
        return {
            "id": self.id,
            "status": "offline" if self.offline_since else "online",
            "offline_since": self.offline_since,
            "reason": self.reason,
            "scanned_at": self.scanned_at,
        }


class RootStore:
    """The table of roots, of which there is one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self) -> Root:
        """Return the root."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT id, device, inode, offline_since, reason, scanned_at FROM roots WHERE id = ?", (ROOT,)
            ).fetchone()
        return Root(**dict(row))

    def go_offline(self, reason: str) -> bool:
        """Note that the root's disk is away; False when that was known with this reason."""
        with self._database.write() as connection:
            done = connection.execute(
                f"UPDATE roots SET offline_since = ifnull(offline_since, {NOW}), reason = ?"
                " WHERE id = ? AND (offline_since IS NULL OR reason IS NOT ?)",
                (reason, ROOT, reason),
            )
        return done.rowcount == 1

    def scanned(self, device: int, inode: int) -> None:
        """Note that a scan went through it: the disk is there, and is this one."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE roots SET device = ?, inode = ?, offline_since = NULL, reason = NULL,"
                f" scanned_at = {NOW} WHERE id = ?",
                (device, inode, ROOT),
            )

    def watch(self, worker: str, now: float, *, lease_s: float) -> bool:
        """Become or stay the one that watches the root; False when another worker is."""
        with self._database.write() as connection:
            done = connection.execute(
                "UPDATE roots SET watched_by = ?, watch_until = ? WHERE id = ? AND (watched_by = ? OR watch_until < ?)",
                (worker, now + lease_s, ROOT, worker, now),
            )
        return done.rowcount == 1
