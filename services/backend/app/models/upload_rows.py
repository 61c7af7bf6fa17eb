"""The table of uploads: how much of each has arrived. What it says counts, not what a file happens to hold."""

# ruff: noqa: S608  only constants of this program are put into statements; values are bound.

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .database import Database

OPEN_FOR = timedelta(hours=24)
"""After the last byte. A tus client that comes later begins anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One upload. ``file_name`` is where it will lie, relative to the media folder."""

    id: str
    file_name: str
    title: str
    length: int
    received: int
    checksum: str | None
    expires_at: str
    asset_id: int | None
    is_duplicate: bool

    @property
    def is_complete(self) -> bool:
        """Whether every byte is there."""
        return self.received == self.length


_COLUMNS = ", ".join(Upload.__dataclass_fields__)


class UploadRows:
    """Reads and writes the table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, upload_id: str, *, file_name: str, title: str, length: int, checksum: str | None) -> Upload:
        """Note a new upload."""
        with self._database.write() as connection:
            row = connection.execute(
                "INSERT INTO uploads (id, file_name, title, length, checksum, expires_at)"
                f" VALUES (?, ?, ?, ?, ?, ?) RETURNING {_COLUMNS}",
                (upload_id, file_name, title, length, checksum, _expiry()),
            ).fetchone()
        return _upload(row)

    def get(self, upload_id: str) -> Upload | None:
        """Return an upload that has not expired."""
        with self._database.read() as connection:
            row = connection.execute(
                f"SELECT {_COLUMNS} FROM uploads WHERE id = ? AND expires_at > ?", (upload_id, _now())
            ).fetchone()
        return _upload(row) if row else None

    def count_open(self) -> int:
        """Return how many are under way."""
        with self._database.read() as connection:
            statement = "SELECT count(*) FROM uploads WHERE received < length AND expires_at > ?"
            return int(connection.execute(statement, (_now(),)).fetchone()[0])

    def bytes_due(self) -> int:
        """Return how many bytes are still to come for all that are under way."""
        with self._database.read() as connection:
            statement = "SELECT ifnull(sum(length - received), 0) FROM uploads WHERE expires_at > ?"
            return int(connection.execute(statement, (_now(),)).fetchone()[0])

    def advance(self, upload_id: str, received: int) -> None:
        """Note that so many bytes have arrived; the upload stays open for OPEN_FOR from now."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE uploads SET received = ?, expires_at = ? WHERE id = ?", (received, _expiry(), upload_id)
            )

    def finish(self, upload_id: str, asset_id: int, *, is_duplicate: bool) -> None:
        """Note which asset became of it."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE uploads SET asset_id = ?, is_duplicate = ?, expires_at = ? WHERE id = ?",
                (asset_id, int(is_duplicate), _expiry(), upload_id),
            )

    def remove(self, upload_id: str) -> bool:
        """Forget an upload."""
        with self._database.write() as connection:
            return connection.execute("DELETE FROM uploads WHERE id = ?", (upload_id,)).rowcount == 1

    def remove_expired(self) -> list[str]:
        """Forget those that nobody went on with; return their ids."""
        with self._database.write() as connection:
            rows = connection.execute("DELETE FROM uploads WHERE expires_at <= ? RETURNING id", (_now(),)).fetchall()
        return [row[0] for row in rows]


def _upload(row: Any) -> Upload:
    return Upload(**{**dict(row), "is_duplicate": bool(row["is_duplicate"])})


def _now() -> str:
    return _text(datetime.now(UTC))


def _expiry() -> str:
    return _text(datetime.now(UTC) + OPEN_FOR)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
