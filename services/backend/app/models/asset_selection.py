"""The assets that a bulk operation or an export means: ids, or all that meet a filter but some."""

# ruff: noqa: S608  only constants of this program are put into statements; values are bound.

from collections.abc import Iterator
from dataclasses import dataclass

from .asset import COLUMNS, Asset
from .asset_filter import AssetFilter
from .database import Database

BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Either ``ids`` or ``filter``; ``excluded`` ids are left out."""

    ids: tuple[int, ...] = ()
    filter: AssetFilter | None = None
    excluded: frozenset[int] = frozenset()


def batches_of(database: Database, selection: Selection) -> Iterator[list[int]]:
    """Yield the ids in batches.

    A filter is read to its end first: what the operation changes must not move what it goes through.
    """
    ids = list(dict.fromkeys(selection.ids)) if selection.filter is None else _ids(database, selection.filter)
    wanted = [number for number in ids if number not in selection.excluded]
    for start in range(0, len(wanted), BATCH):
        yield wanted[start : start + BATCH]


def assets_of(database: Database, wanted: AssetFilter) -> Iterator[Asset]:
    """Yield the assets that meet a filter, by id, holding no more than a batch in memory."""
    where, values = wanted.where()
    last = 0
    while True:
        with database.read() as connection:
            rows = connection.execute(
                f"SELECT {COLUMNS} FROM media_assets WHERE id > ? AND {where} ORDER BY id LIMIT ?",
                (last, *values, BATCH),
            ).fetchall()
        yield from (Asset.from_row(row) for row in rows)
        if len(rows) < BATCH:
            return
        last = rows[-1]["id"]


def _ids(database: Database, wanted: AssetFilter) -> list[int]:
    where, values = wanted.where()
    with database.read() as connection:
        return [row[0] for row in connection.execute(f"SELECT id FROM media_assets WHERE {where} ORDER BY id", values)]
