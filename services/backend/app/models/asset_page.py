"""Reading one page of the library, quickly at any depth of a million rows.

Every order has an index that ends with the id, so it is total, and a page after a cursor begins by
a search in that index and not by counting. A filter that few rows meet is answered from those
(:mod:`asset_source`); else the index of the order is walked until the page is full.
"""

# ruff: noqa: S608  only constants of this program are put into statements; values are bound.

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from .asset import COLUMNS, Asset
from .asset_count import AssetCount
from .asset_filter import AssetFilter, Condition
from .asset_source import MANY, Source, source_of
from .cursor import Cursor
from .database import Database

WALK_STEPS = 200_000
"""Of SQLite's machine: some 10 ms, or 8,000 rows that are passed."""

NEWEST = "idx_media_assets_newest"


@dataclass(frozen=True, slots=True)
class Order:
    """An order of the list: what is compared, and the index that has it."""

    ascending: str
    descending: str
    ascending_index: str
    descending_index: str


SORTS = {
    "updated_at": Order("updated_at", "updated_at", NEWEST, NEWEST),
    "created_at": Order("created_at", "created_at", "idx_media_assets_created", "idx_media_assets_created"),
    "title": Order("title COLLATE NOCASE", "title COLLATE NOCASE", "idx_media_assets_title", "idx_media_assets_title"),
    "file_size": Order("file_size", "file_size", "idx_media_assets_size", "idx_media_assets_size"),
    # A duration that is not known comes last in either direction.
    "duration": Order(
        "ifnull(duration, 9e99)", "ifnull(duration, -1.0)", "idx_media_assets_shortest", "idx_media_assets_longest"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a page shall hold; every value is checked before it gets here."""

    filter: AssetFilter = field(default_factory=AssetFilter)
    page: int = 1
    per_page: int = 50
    sort: str = "updated_at"
    descending: bool = True
    cursor: Cursor | None = None
    """Where the page before ended; then ``page`` only says which number this page has."""

    @property
    def key(self) -> str:
        """The expression that rows are ordered by."""
        order = SORTS[self.sort]
        return order.descending if self.descending else order.ascending


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page, all of one moment of the library: ``rev``."""

    items: list[Asset]
    total: int
    is_capped: bool
    """Whether there are more than ``total``: a search does not count beyond COUNTED."""
    rev: int
    next: Cursor | None


class AssetPages:
    """Reads pages."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._count = AssetCount()

    def read(self, listing: Listing) -> Page:
        """Return the page of ``listing``."""
        with self._database.read() as connection:
            connection.execute("BEGIN")  # all statements see one state
            try:
                rev = connection.execute("SELECT rev FROM library").fetchone()[0]
                total, is_capped = self._count.count(connection, listing.filter, rev)
                rows = _rows(connection, listing, is_everywhere=is_capped) if total else []
            finally:
                connection.execute("COMMIT")
        has_next = len(rows) > listing.per_page
        rows = rows[: listing.per_page]
        after = Cursor(rows[-1]["cursor_key"], rows[-1]["id"], listing.page + 1) if has_next else None
        items = [Asset.from_row(row) for row in rows]
        return Page(items=items, total=total, is_capped=is_capped, rev=rev, next=after)


def _rows(connection: sqlite3.Connection, listing: Listing, *, is_everywhere: bool) -> list[sqlite3.Row]:
    source = source_of(connection, listing.filter)
    walked = _walked(source, listing, is_everywhere=is_everywhere)
    # What a text finds is gathered by the search index in any case.
    if source.is_few or listing.filter.trashed or listing.filter.match is not None:
        return _taken(connection, listing, walked)
    with suppress(sqlite3.OperationalError), _budget(connection):
        return _taken(connection, listing, walked)
    many = source_of(connection, listing.filter, most=MANY)
    return _taken(connection, listing, many if many.is_few else walked)


@contextmanager
def _budget(connection: sqlite3.Connection) -> Iterator[None]:
    """Have SQLite give up after so many steps; it raises OperationalError then."""
    connection.set_progress_handler(lambda: 1, WALK_STEPS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)


def _taken(connection: sqlite3.Connection, listing: Listing, source: Source) -> list[sqlite3.Row]:
    """Return the rows of the page, and one more if there is one."""
    wanted = listing.per_page + 1
    if listing.cursor is None:
        return _selected(connection, listing, source, wanted, offset=(listing.page - 1) * listing.per_page)
    beyond = "<" if listing.descending else ">"
    key, number = listing.cursor.key, listing.cursor.id
    if source.is_few or listing.filter.trashed:
        after = Condition(f"({listing.key}, id) {beyond} (?, ?)", (key, number))
        return _selected(connection, listing, source.also(after), wanted)
    # In two steps: given (key, id) at once, SQLite enters the index by the key alone and passes all that share it.
    same = source.also(Condition(f"{listing.key} = ? AND id {beyond} ?", (key, number)))
    rows = _selected(connection, listing, same, wanted, is_tied=True)
    if len(rows) < wanted:
        after = Condition(f"{listing.key} {beyond} ?", (key,))
        rows += _selected(connection, listing, source.also(after), wanted - len(rows))
    return rows


def _selected(
    connection: sqlite3.Connection,
    listing: Listing,
    source: Source,
    limit: int,
    *,
    offset: int = 0,
    is_tied: bool = False,
) -> list[sqlite3.Row]:
    """Return the first rows of a source. Only ids are found and sorted: whole rows are read for those that are shown.

    A walk tests what its index has without reading the rows (migration 0107).
    """
    direction = "DESC" if listing.descending else "ASC"
    # Where all share one key, naming it would have SQLite sort them.
    order = f"ORDER BY id {direction}" if is_tied else f"ORDER BY cursor_key {direction}, id {direction}"
    chosen = (
        f"SELECT id, {listing.key} AS cursor_key FROM {source.table} WHERE {source.where()} {order} LIMIT ? OFFSET ?"
    )
    shown = f"SELECT {COLUMNS}, cursor_key FROM ({chosen}) CROSS JOIN media_assets USING (id) {order}"
    return connection.execute(shown, (*source.bound(), limit, offset)).fetchall()


def _walked(source: Source, listing: Listing, *, is_everywhere: bool) -> Source:
    """Have a source of many rows walked in the order of the list."""
    wanted = listing.filter
    if source.is_few or wanted.trashed:
        return source
    walked = replace(source, table=f"media_assets INDEXED BY {_index(listing)}")
    if wanted.kind is not None and wanted.media_type is None:
        walked = walked.also(Condition("media_type = ?", (wanted.kind,)))
    if wanted.match is None or not is_everywhere or wanted.conditions():
        return walked
    # Nearly every row has the text: testing those that are walked is quicker than gathering all that have it.
    test = "EXISTS (SELECT 1 FROM asset_search WHERE asset_search MATCH ? AND rowid = media_assets.id)"
    return replace(walked, conditions=[source.conditions[0], Condition(test, (wanted.match,))])


def _index(listing: Listing) -> str:
    order = SORTS[listing.sort]
    if listing.sort == "updated_at" and listing.filter.status is not None:
        return "idx_media_assets_status"
    if listing.sort == "updated_at" and listing.filter.kind is not None:
        return "idx_media_assets_type"
    index = order.descending_index if listing.descending else order.ascending_index
    return index if listing.filter.kind is None else index.replace("media_assets_", "media_assets_type_")
