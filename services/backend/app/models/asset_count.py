"""How many assets meet a filter."""

# ruff: noqa: S608  only constants of this program are put into statements; values are bound.

import sqlite3
import threading
from collections import OrderedDict

from .asset_filter import AssetFilter
from .asset_source import source_of

COUNTED = 150_000
"""A text is counted up to here: everything more costs time that nobody waits for, and tells no one anything."""

REMEMBERED = 256


class AssetCount:
    """Counts, and remembers what it counted for as long as nothing changes."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[AssetFilter, int], tuple[int, bool]] = OrderedDict()
        self._lock = threading.Lock()

    def count(self, connection: sqlite3.Connection, wanted: AssetFilter, rev: int) -> tuple[int, bool]:
        """Return how many there are at ``rev``, and whether there are more than that."""
        if wanted.is_counted:
            return _from_counts(connection, wanted), False
        with self._lock:
            known = self._known.get((wanted, rev))
        if known is None:
            known = _counted(connection, wanted)
            with self._lock:
                self._known[wanted, rev] = known
                while len(self._known) > REMEMBERED:
                    self._known.popitem(last=False)
        return known


def _from_counts(connection: sqlite3.Connection, wanted: AssetFilter) -> int:
    status = wanted.status.value if wanted.status else None
    return int(
        connection.execute(
            "SELECT ifnull(sum(assets), 0) FROM asset_counts WHERE trashed = :trashed"
            " AND media_type = ifnull(:type, media_type) AND status = ifnull(:status, status)",
            {"trashed": int(wanted.trashed), "type": wanted.media_type, "status": status},
        ).fetchone()[0]
    )


def _counted(connection: sqlite3.Connection, wanted: AssetFilter) -> tuple[int, bool]:
    source = source_of(connection, wanted)
    statement, values = f"SELECT 1 FROM {source.table} WHERE {source.where()}", source.bound()
    if wanted.match is not None and not wanted.conditions():
        # The search index has exactly what is not in the trash, so no row needs to be looked at.
        statement, values = "SELECT 1 FROM asset_search WHERE asset_search MATCH ?", [wanted.match]
    parts = wanted.conditions()
    if len(parts) == 1 and wanted.match is None and not wanted.trashed:
        quick, bound = parts[0].count or parts[0].total, parts[0].values
        if quick is None:
            quick, bound = f"SELECT count(*) FROM ({parts[0].hits})", parts[0].hit_values
        return int(connection.execute(quick, bound).fetchone()[0]), False
    most = -1 if wanted.match is None else COUNTED + 1
    total = int(connection.execute(f"SELECT count(*) FROM ({statement} LIMIT ?)", (*values, most)).fetchone()[0])
    is_capped = 0 < most <= total
    return (COUNTED if is_capped else total), is_capped
