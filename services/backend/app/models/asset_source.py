"""Where the rows of a filter come from, so that few are found quickly and many are not gathered.

    few rows meet one part of the filter   those rows come first, the rest of the filter is tested on them
    many do                                an index is walked, every part is tested on its rows

Of a million assets, gathering and sorting 12,000 takes as long as walking past those that lie between the first 61 of
12,000. That is so where order and filter have nothing to do with each other; where they have, a walk may go past nearly
all before it meets the first. So a walk has a budget, and when that is spent, up to MANY are gathered after all.

SQLite cannot know which, since it does not know how many rows meet a part; so that is asked first, up
to FEW.
"""

# ruff: noqa: S608  only constants of this program are put into statements; values are bound.

import sqlite3
from dataclasses import dataclass, field, replace
from typing import Any

from .asset_filter import AssetFilter, Condition

FEW = 12_000
MANY = 60_000
FEW_OF_TEXT = 5_000
"""Rows that a text finds lie scattered, so each costs more."""


@dataclass(frozen=True, slots=True)
class Source:
    """A FROM clause and what its rows have to meet."""

    table: str
    conditions: list[Condition]
    values: tuple[Any, ...] = field(default=())
    """Of the FROM clause itself."""
    is_few: bool = False

    def also(self, condition: Condition) -> "Source":
        """Return the same with one more condition."""
        return replace(self, conditions=[*self.conditions, condition])

    def where(self) -> str:
        """Return the WHERE clause."""
        return " AND ".join(condition.clause for condition in self.conditions)

    def bound(self) -> list[Any]:
        """Return the values of FROM and WHERE."""
        return [*self.values, *(value for condition in self.conditions for value in condition.values)]


def source_of(connection: sqlite3.Connection, wanted: AssetFilter, most: int | None = None) -> Source:
    """Return where to begin: with the few (at most ``most``, else FEW), or with the table."""
    trash = Condition("deleted_at IS NOT NULL" if wanted.trashed else "deleted_at IS NULL")
    parts = [*wanted.text_condition(), *wanted.conditions()]
    few = None if wanted.trashed else next((part for part in parts if _is_few(connection, part, most or FEW)), None)
    if few is None:
        return Source("media_assets", [trash, *parts])
    # CROSS JOIN keeps SQLite from beginning with anything else than the few.
    table = f"({few.hits}) AS hits CROSS JOIN media_assets"
    return Source(
        table,
        [Condition("id = hits.hit"), trash, *(part for part in parts if part is not few)],
        few.hit_values,
        is_few=True,
    )


def _is_few(connection: sqlite3.Connection, part: Condition, most: int) -> bool:
    if part.hits is None:
        return False
    if part.count is not None:
        return bool(connection.execute(part.count, part.values).fetchone()[0] <= most)
    statement = f"SELECT count(*) FROM (SELECT 1 FROM ({part.hits}) LIMIT ?)"
    if "asset_search" in part.hits:
        most = FEW_OF_TEXT
    return bool(connection.execute(statement, (*part.hit_values, most + 1)).fetchone()[0] <= most)
