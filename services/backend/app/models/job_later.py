"""Jobs that an asset gets beside its own: a sprite, a hash."""

import sqlite3

from .job import Kind, Priority


def queue_later(connection: sqlite3.Connection, kind: Kind, asset_id: int, priority: Priority) -> None:
    """Queue one, unless the asset has one of this kind."""
    connection.execute(
        "INSERT INTO jobs (kind, asset_id, priority) SELECT ?, ?, ? WHERE NOT EXISTS"
        " (SELECT 1 FROM jobs WHERE asset_id = ? AND kind = ?)",
        (kind, asset_id, priority, asset_id, kind),
    )
