"""Collections: assets that people put together under a name."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .asset_store import TOUCH
from .database import Database

_COLUMNS = """SELECT id, name, created_at, updated_at, rev,
    (SELECT count(*) FROM collection_assets JOIN media_assets m ON m.id = asset_id
     WHERE collection_id = collections.id AND m.deleted_at IS NULL) FROM collections"""


class NameTaken(Exception):
    """Another one has this name, in whatever case."""


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection; ``assets`` counts those that are not in the trash."""

    id: int
    name: str
    created_at: str
    updated_at: str
    rev: int
    assets: int

    def to_json(self) -> dict[str, Any]:
        """Return the API's form."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


class CollectionStore:
    """The table of collections."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Collection]:
        """Return every collection, by name."""
        with self._database.read() as connection:
            rows = connection.execute(f"{_COLUMNS} ORDER BY name COLLATE NOCASE").fetchall()
        return [Collection(*row) for row in rows]

    def get(self, number: int) -> Collection | None:
        """Return one, or None."""
        with self._database.read() as connection:
            return _one(connection, number)

    def names_of(self, asset_id: int) -> list[str]:
        """Return the names of the collections that an asset is in."""
        statement = (
            "SELECT name FROM collections JOIN collection_assets ON collection_id = id WHERE asset_id = ? ORDER BY 1"
        )
        with self._database.read() as connection:
            return [row[0] for row in connection.execute(statement, (asset_id,))]

    def id_of(self, name: str) -> int:
        """Return the id of the collection with this name, in whatever case; 0 when there is none."""
        with self._database.read() as connection:
            row = connection.execute("SELECT id FROM collections WHERE name = ?", (name,)).fetchone()
        return row[0] if row else 0

    def create(self, name: str) -> Collection:
        """Make an empty one; raises NameTaken."""
        try:
            with self._database.write() as connection:
                number = connection.execute("INSERT INTO collections (name) VALUES (?)", (name,)).lastrowid
                made = _one(connection, number or 0)
        except sqlite3.IntegrityError:
            raise NameTaken from None
        assert made is not None
        return made

    def rename(self, number: int, name: str) -> Collection | None:
        """Give it another name; None when there is none, raises NameTaken."""
        try:
            with self._database.write() as connection:
                connection.execute(f"UPDATE collections SET name = ?, {TOUCH} WHERE id = ?", (name, number))  # noqa: S608  constant
                return _one(connection, number)
        except sqlite3.IntegrityError:
            raise NameTaken from None

    def remove(self, number: int) -> bool:
        """Forget it; its assets stay."""
        with self._database.write() as connection:
            return connection.execute("DELETE FROM collections WHERE id = ?", (number,)).rowcount == 1


def collect(connection: sqlite3.Connection, number: int, ids: Sequence[int]) -> int:
    """Put assets into a collection, in the caller's transaction; return how many were not in it before."""
    done = connection.execute(
        "INSERT INTO collection_assets (collection_id, asset_id) SELECT ?, id FROM media_assets"
        " WHERE id IN (SELECT value FROM json_each(?)) AND deleted_at IS NULL"
        " AND id NOT IN (SELECT asset_id FROM collection_assets WHERE collection_id = ?)",
        (number, json.dumps(list(ids)), number),
    )
    return _touched(connection, number, done.rowcount)


def uncollect(connection: sqlite3.Connection, number: int, ids: Sequence[int]) -> int:
    """Take assets out of a collection; return how many were in it."""
    done = connection.execute(
        "DELETE FROM collection_assets WHERE collection_id = ? AND asset_id IN (SELECT value FROM json_each(?))",
        (number, json.dumps(list(ids))),
    )
    return _touched(connection, number, done.rowcount)


def _touched(connection: sqlite3.Connection, number: int, changed: int) -> int:
    if changed:
        connection.execute(f"UPDATE collections SET {TOUCH} WHERE id = ?", (number,))  # noqa: S608  a constant
    return changed


def _one(connection: sqlite3.Connection, number: int) -> Collection | None:
    row = connection.execute(f"{_COLUMNS} WHERE id = ?", (number,)).fetchone()
    return Collection(*row) if row else None
