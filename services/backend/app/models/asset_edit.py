"""Changing assets on people's behalf, one or many at a time, inside a transaction of the caller's.

Every function works on a list of ids and returns how many assets it changed; what is not there, or
is as it shall be, is passed over. So a bulk operation and a single one are the same thing.
"""

# ruff: noqa: S608  only constants of this program are put into statements; values are bound.

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from .asset_store import NOW, TOUCH

FOR_PEOPLE = frozenset({"title", "rating", "favorite"})
"""The columns that people change."""


def write_fields(connection: sqlite3.Connection, ids: Sequence[int], fields: dict[str, Any]) -> int:
    """Set title, rating or favorite of assets that are not in the trash."""
    if not fields:
        return 0
    assert fields.keys() <= FOR_PEOPLE
    assignments = ", ".join(f"{name} = :{name}" for name in fields)
    differs = " OR ".join(f"{name} IS NOT :{name}" for name in fields)
    return _update(connection, ids, assignments, f"deleted_at IS NULL AND ({differs})", fields)


def trash(connection: sqlite3.Connection, ids: Sequence[int]) -> int:
    """Put assets into the trash; their files stay."""
    return _update(connection, ids, f"deleted_at = {NOW}", "deleted_at IS NULL")


def restore(connection: sqlite3.Connection, ids: Sequence[int]) -> int:
    """Take assets out of the trash."""
    return _update(connection, ids, "deleted_at = NULL", "deleted_at IS NOT NULL")


def remove(connection: sqlite3.Connection, ids: Sequence[int]) -> int:
    """Forget assets for good, in the trash or not; their files are not touched here."""
    return connection.execute(
        "DELETE FROM media_assets WHERE id IN (SELECT value FROM json_each(?))", (_json(ids),)
    ).rowcount


def queue_again(connection: sqlite3.Connection, ids: Sequence[int]) -> int:
    """Have assets read again from their files, whatever became of it before."""
    changes = "status = 'queued', error = NULL, attempts = 0"
    return _update(connection, ids, changes, "deleted_at IS NULL AND status <> 'queued'")


def add_tags(connection: sqlite3.Connection, ids: Sequence[int], names: Sequence[str]) -> int:
    """Give assets the tags; a tag that does not exist is made."""
    for name in names:
        if connection.execute("SELECT 1 FROM tags WHERE name = ?", (name,)).fetchone() is None:
            connection.execute("INSERT INTO tags (name) VALUES (?)", (name,))
    changed = _tagged(connection, ids, names, has=False)
    connection.execute(
        "INSERT INTO asset_tags (tag_id, asset_id) SELECT t.id, a.value FROM tags t, json_each(:ids) a"
        " WHERE t.name COLLATE NOCASE IN (SELECT value FROM json_each(:names))"
        " AND NOT EXISTS (SELECT 1 FROM asset_tags x WHERE x.tag_id = t.id AND x.asset_id = a.value)"
        " AND EXISTS (SELECT 1 FROM media_assets m WHERE m.id = a.value AND m.deleted_at IS NULL)",
        {"ids": _json(ids), "names": json.dumps(list(names))},
    )
    return _touch(connection, changed)


def remove_tags(connection: sqlite3.Connection, ids: Sequence[int], names: Sequence[str]) -> int:
    """Take the tags from assets; a tag that nobody has any more goes."""
    changed = _tagged(connection, ids, names, has=True)
    connection.execute(
        "DELETE FROM asset_tags WHERE asset_id IN (SELECT value FROM json_each(:ids)) AND tag_id IN"
        " (SELECT id FROM tags WHERE name COLLATE NOCASE IN (SELECT value FROM json_each(:names)))",
        {"ids": _json(changed), "names": json.dumps(list(names))},
    )
    connection.execute("DELETE FROM tags WHERE NOT EXISTS (SELECT 1 FROM asset_tags WHERE tag_id = id)")
    return _touch(connection, changed)


def set_tags(connection: sqlite3.Connection, asset_id: int, names: Sequence[str]) -> int:
    """Give an asset exactly these tags."""
    rows = connection.execute(
        "SELECT name FROM tags JOIN asset_tags ON tag_id = tags.id WHERE asset_id = ?", (asset_id,)
    ).fetchall()
    wanted = {_folded(name) for name in names}
    superfluous = [row[0] for row in rows if _folded(row[0]) not in wanted]
    changed = add_tags(connection, [asset_id], names)
    return max(changed, remove_tags(connection, [asset_id], superfluous) if superfluous else 0)


def _folded(name: str) -> str:
    """Return what the database's NOCASE compares: to it, only letters of ASCII have a case."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in name)


def _tagged(connection: sqlite3.Connection, ids: Sequence[int], names: Sequence[str], *, has: bool) -> list[int]:
    """Return which assets have one of the tags, or lack one of them."""
    lacking = (
        "(SELECT count(*) FROM asset_tags JOIN tags ON tags.id = tag_id WHERE asset_id = media_assets.id"
        " AND name COLLATE NOCASE IN (SELECT value FROM json_each(:names)))"
    )
    test = f"{lacking} > 0" if has else f"{lacking} < :count"
    rows = connection.execute(
        "SELECT id FROM media_assets WHERE id IN (SELECT value FROM json_each(:ids)) AND deleted_at IS NULL"
        f" AND {test}",
        {"ids": _json(ids), "names": json.dumps(list(names)), "count": len(names)},
    )
    return [row[0] for row in rows]


def _touch(connection: sqlite3.Connection, ids: Sequence[int]) -> int:
    return _update(connection, ids, None, "true")


def _update(
    connection: sqlite3.Connection,
    ids: Sequence[int],
    assignments: str | None,
    only: str,
    values: dict[str, Any] | None = None,
) -> int:
    changes = f"{assignments}, {TOUCH}" if assignments else TOUCH
    return connection.execute(
        f"UPDATE media_assets SET {changes} WHERE id IN (SELECT value FROM json_each(:ids)) AND {only}",
        {**(values or {}), "ids": _json(ids)},
    ).rowcount


def _json(ids: Sequence[int]) -> str:
    return json.dumps(list(ids))
