"""The tags that assets have."""

# ruff: noqa: S608  only constants of this program are put into statements; values are bound.

import sqlite3
from dataclasses import dataclass
from typing import Any

from .asset_edit import add_tags, remove_tags
from .asset_store import TOUCH
from .database import Database

BATCH = 1000

_COLUMNS = """SELECT id, name, (SELECT count(*) FROM asset_tags JOIN media_assets m ON m.id = asset_id
    WHERE tag_id = tags.id AND m.deleted_at IS NULL) FROM tags"""


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag and how many assets outside of the trash have it."""

    id: int
    name: str
    assets: int

    def to_json(self) -> dict[str, Any]:
        """Return the API's form."""
        return {"id": self.id, "name": self.name, "assets": self.assets}


class TagStore:
    """The table of tags. A tag exists for as long as an asset has it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Tag]:
        """Return every tag, by name."""
        with self._database.read() as connection:
            return [Tag(*row) for row in connection.execute(f"{_COLUMNS} ORDER BY name")]

    def get(self, number: int) -> Tag | None:
        """Return one, or None."""
        with self._database.read() as connection:
            return _one(connection, number)

    def rename(self, number: int, name: str) -> Tag | None:
        """Give a tag another name; if another tag has that name, the two become one. None when there is none."""
        with self._database.write() as connection:
            tag = _one(connection, number)
            if tag is None:
                return None
            other = connection.execute("SELECT id FROM tags WHERE name = ? AND id <> ?", (name, number)).fetchone()
            ids = [row[0] for row in connection.execute("SELECT asset_id FROM asset_tags WHERE tag_id = ?", (number,))]
            if other is None:
                connection.execute("UPDATE tags SET name = ? WHERE id = ?", (name, number))
                connection.execute(
                    f"UPDATE media_assets SET {TOUCH} WHERE id IN (SELECT asset_id FROM asset_tags WHERE tag_id = ?)",
                    (number,),
                )
                return _one(connection, number)
            add_tags(connection, ids, [name])
            remove_tags(connection, ids, [tag.name])
            return _one(connection, other[0])

    def remove(self, number: int) -> bool:
        """Take a tag from every asset; False when there is none."""
        with self._database.write() as connection:
            if _one(connection, number) is None:
                return False
            connection.execute(
                f"UPDATE media_assets SET {TOUCH} WHERE id IN (SELECT asset_id FROM asset_tags WHERE tag_id = ?)",
                (number,),
            )
            connection.execute("DELETE FROM asset_tags WHERE tag_id = ?", (number,))
            connection.execute("DELETE FROM tags WHERE id = ?", (number,))
        return True


def _one(connection: sqlite3.Connection, number: int) -> Tag | None:
    row = connection.execute(f"{_COLUMNS} WHERE id = ?", (number,)).fetchone()
    return Tag(*row) if row else None
