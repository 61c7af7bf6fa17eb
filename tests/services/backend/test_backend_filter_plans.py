"""Every filter with every order, by either way of finding the rows: the same assets in the same order."""

from __future__ import annotations

import random
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from services.backend.app.models import asset_page, asset_source
from services.backend.app.models.asset import Status
from services.backend.app.models.asset_filter import AssetFilter
from services.backend.app.models.asset_page import SORTS, AssetPages, Listing
from services.backend.app.models.collection_store import CollectionStore, collect
from services.backend.app.models.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROWS = 150
Row = dict[str, Any]
FILTERS: dict[str, tuple[AssetFilter, Callable[[Row], bool]]] = {
    "type": (AssetFilter(media_type="image"), lambda row: row["media_type"] == "image"),
    "status": (AssetFilter(status=Status.FAILED), lambda row: row["status"] == "failed"),
    "format": (AssetFilter(format="png"), lambda row: row["format"] == "PNG"),
    "a format that is not known": (AssetFilter(format="TIFF"), lambda row: row["format"] == "TIFF"),
    "favorite": (AssetFilter(favorite=True), lambda row: row["favorite"] == 1),
    "no favorite": (AssetFilter(favorite=False), lambda row: row["favorite"] == 0),
    "rating": (AssetFilter(min_rating=4), lambda row: (row["rating"] or 0) >= 4),
    "rating of none": (AssetFilter(min_rating=0), lambda row: row["rating"] is not None),
    "width": (AssetFilter(min_width=200, max_width=300), lambda row: 200 <= (row["width"] or 0) <= 300),
    "most width": (AssetFilter(max_width=200), lambda row: row["width"] is not None and row["width"] <= 200),
    "size": (AssetFilter(min_size=3), lambda row: row["file_size"] >= 3),
    "duration": (AssetFilter(min_duration=2, max_duration=3), lambda row: 2 <= (row["duration"] or 0) <= 3),
    "least duration": (AssetFilter(min_duration=2), lambda row: (row["duration"] or 0) >= 2),
    "no duration at all": (AssetFilter(min_duration=0), lambda row: row["duration"] is not None),
    "most duration": (AssetFilter(max_duration=2), lambda row: row["duration"] is not None and row["duration"] <= 2),
    "date": (AssetFilter(date_from="2026-01-10"), lambda row: row["created_at"] >= "2026-01-10"),
    "tag": (AssetFilter(tags=("red",)), lambda row: row["id"] % 5 == 0),
    "collection": (AssetFilter(collection=1), lambda row: row["id"] % 7 == 0),
    "two": (
        AssetFilter(min_rating=2, media_type="video"),
        lambda row: (row["rating"] or 0) >= 2 and row["id"] % 4 == 0,
    ),
}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with closing(Database(tmp_path_factory.mktemp("plans") / "mam.db")) as made:
        fill(made)
        yield made


def fill(database: Database) -> None:
    chance = random.Random(5)
    CollectionStore(database).create("seven")
    with database.write() as connection:
        connection.execute("INSERT INTO tags (id, name) VALUES (1, 'red')")
        for number in range(1, ROWS + 1):
            film = number % 4 == 0
            day = f"2026-01-{chance.randrange(1, 20):02d}"
            connection.execute(
                "INSERT INTO media_assets (id, title, file_path, file_size, media_type, mime_type, format, duration,"
                " width, rating, favorite, status, created_at, updated_at, deleted_at)"
                " VALUES (?, ?, ?, ?, ?, 'x/y', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    number, chance.choice("abAB"), f"{number}", chance.randrange(6), "video" if film else "image",
                    "MP4" if film else chance.choice(["JPEG", "PNG"]), chance.choice([1.0, 2.0, 2.5]) if film else None,
                    chance.choice([None, 100, 200, 300]), chance.choice([None, 0, 2, 4, 5]), int(number % 9 == 0),
                    chance.choice(["ready", "failed"]), day, day, "x" if number % 11 == 0 else None,
                ),
            )  # fmt: skip
            if number % 5 == 0:
                connection.execute("INSERT INTO asset_tags VALUES (1, ?)", (number,))
        collect(connection, 1, range(7, ROWS + 1, 7))


def expected(database: Database, fits: Callable[[Row], bool], sort: str, *, descending: bool) -> list[int]:
    with database.read() as connection:
        rows = [dict(row) for row in connection.execute("SELECT * FROM media_assets WHERE deleted_at IS NULL")]

    def key(row: Row) -> tuple[Any, int]:
        value = row[sort]
        if sort == "duration" and value is None:
            value = -1.0 if descending else 9e99
        return value.lower() if isinstance(value, str) else value, row["id"]

    return [row["id"] for row in sorted(filter(fits, rows), key=key, reverse=descending)]


@pytest.mark.parametrize(
    ("few", "steps"), [(0, 10**9), (10_000, 10**9), (0, 40)], ids=["walked", "gathered", "given up and gathered"]
)
@pytest.mark.parametrize("descending", [True, False], ids=["down", "up"])
@pytest.mark.parametrize("sort", SORTS)
def test_pages_and_totals_are_those_of_the_whole_library(
    database: Database, monkeypatch: pytest.MonkeyPatch, sort: str, *, descending: bool, few: int, steps: int
) -> None:
    monkeypatch.setattr(asset_source, "FEW", few)
    monkeypatch.setattr(asset_page, "WALK_STEPS", steps)
    for name, (wanted, fits) in FILTERS.items():
        due, found, cursor = expected(database, fits, sort, descending=descending), [], None
        while True:
            listing = Listing(filter=wanted, per_page=13, sort=sort, descending=descending, cursor=cursor)
            page = AssetPages(database).read(listing)
            assert page.total == len(due), name
            found += [asset.id for asset in page.items]
            cursor = page.next
            if cursor is None:
                break
        assert found == due, name


def test_a_walk_that_meets_nothing_for_long_gives_way_to_gathering(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asset_source, "FEW", 0)
    monkeypatch.setattr(asset_page, "WALK_STEPS", 40)
    listing = Listing(filter=AssetFilter(min_rating=4), per_page=5)
    with database.read() as connection:
        noted = Noted(connection)
        rows = asset_page._rows(noted, listing, is_everywhere=False)
    assert len(rows) == 6
    assert "INDEX idx_media_assets_newest" in noted.plans[0]
    assert "INDEX idx_media_assets_rating" in noted.plans[-1]


class Noted:
    """A connection that keeps how it finds the rows of pages."""

    def __init__(self, connection: Any) -> None:
        self.plans: list[str] = []
        self._connection = connection
        self.set_progress_handler = connection.set_progress_handler

    def execute(self, statement: str, values: Any = ()) -> Any:
        if "cursor_key" in statement:
            plan = self._connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
            # The rows of the page itself, found by then, are sorted once more: that is what has no parent.
            self.plans.append(" / ".join(row["detail"] for row in plan if row["parent"]))
        return self._connection.execute(statement, values)


@pytest.mark.parametrize("descending", [True, False], ids=["down", "up"])
@pytest.mark.parametrize("sort", SORTS)
def test_a_list_that_is_walked_is_never_sorted_and_enters_its_index_at_the_cursor(
    database: Database, monkeypatch: pytest.MonkeyPatch, sort: str, *, descending: bool
) -> None:
    monkeypatch.setattr(asset_source, "FEW", 0)
    for name, (wanted, _) in FILTERS.items():
        listing = Listing(filter=wanted, per_page=2, sort=sort, descending=descending)
        first = AssetPages(database).read(listing)
        if first.next is None:
            continue
        for cursor in (None, first.next):
            asked = Listing(filter=wanted, per_page=2, sort=sort, descending=descending, cursor=cursor)
            with database.read() as connection:
                noted = Noted(connection)
                asset_page._rows(noted, asked, is_everywhere=False)
            for plan in noted.plans:
                assert "TEMP B-TREE" not in plan, (name, plan)
                assert cursor is None or "SEARCH media_assets" in plan, (name, plan)
