import random
from contextlib import closing

import pytest

from services.backend.app.models import asset_source
from services.backend.app.models.asset import Status
from services.backend.app.models.asset_filter import AssetFilter
from services.backend.app.models.asset_page import SORTS, AssetPages, Listing, Page
from services.backend.app.models.database import Database


@pytest.fixture
def database(tmp_path):
    with closing(Database(tmp_path / "mam.db")) as opened:
        yield opened


def add(database: Database, path: str, **columns) -> int:
    kind = "video" if path.endswith(".mp4") else "image"
    values = {"title": path, "file_path": path, "media_type": kind, "mime_type": f"{kind}/x", "file_size": 1} | columns
    names = ", ".join(values)
    with database.write() as connection:
        statement = f"INSERT INTO media_assets ({names}) VALUES ({', '.join('?' * len(values))}) RETURNING id"
        return connection.execute(statement, tuple(values.values())).fetchone()[0]


def change(database: Database, statement: str, *values) -> None:
    with database.write() as connection:
        connection.execute(statement, values)


def page(database: Database, **listing) -> Page:
    wanted = {name: listing.pop(name) for name in list(listing) if name in AssetFilter.__dataclass_fields__}
    return AssetPages(database).read(Listing(filter=AssetFilter(**wanted), **listing))


def paths(database: Database, **listing) -> list[str]:
    return [asset.file_path for asset in page(database, **{"sort": "title", "descending": False, **listing}).items]


def walk(database: Database, **listing) -> list[int]:
    """The ids of all pages, from cursor to cursor."""
    found = page(database, **listing)
    ids = [asset.id for asset in found.items]
    while found.next is not None:
        found = page(database, **listing, cursor=found.next)
        ids += [asset.id for asset in found.items]
    return ids


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("descending", [True, False])
def test_cursors_and_numbered_pages_show_every_asset_once_in_the_same_order(database, sort, descending):
    chance = random.Random(7)
    for number in range(53):
        duration = chance.choice([None, 1.0, 2.5])  # ties, so that the id has to decide
        add(database, f"{number}.mp4", title=chance.choice("aAbB"), file_size=chance.randrange(4), duration=duration)
    ids = walk(database, sort=sort, descending=descending, per_page=7)
    numbered = [
        asset.id
        for number in range(1, 9)
        for asset in page(database, sort=sort, descending=descending, per_page=7, page=number).items
    ]
    assert ids == numbered
    assert sorted(ids) == list(range(1, 54))


def test_rows_that_come_during_a_scroll_shift_nothing(database):
    for number in range(6):
        add(database, f"{number}.jpg", created_at=f"2026-01-0{number + 1}T00:00:00.000Z")
    first = page(database, sort="created_at", per_page=3)
    add(database, "new.jpg", created_at="2026-02-01T00:00:00.000Z")
    second = page(database, sort="created_at", per_page=3, cursor=first.next)
    assert [asset.file_path for asset in first.items + second.items] == [
        f"{number}.jpg" for number in (5, 4, 3, 2, 1, 0)
    ]
    assert second.next is None
    assert second.rev > first.rev


def test_a_page_behind_the_last_is_empty_and_knows_the_total(database):
    add(database, "a.jpg")
    beyond = page(database, page=9)
    assert (beyond.items, beyond.total, beyond.next) == ([], 1, None)


def test_an_unknown_duration_comes_last_either_way(database):
    for path, duration in (("b.mp4", 2.0), ("a.mp4", 9.0), ("c.jpg", None)):
        add(database, path, duration=duration)
    assert paths(database, sort="duration") == ["b.mp4", "a.mp4", "c.jpg"]
    assert paths(database, sort="duration", descending=True) == ["a.mp4", "b.mp4", "c.jpg"]


FILTERS = [
    ({"media_type": "video"}, ["b.mp4", "c.mp4"]),
    ({"status": Status.FAILED}, ["c.mp4"]),
    ({"media_type": "video", "status": Status.FAILED}, ["c.mp4"]),
    ({"format": "jpeg"}, ["a.jpg"]),
    ({"favorite": True}, ["b.mp4"]),
    ({"favorite": False}, ["a.jpg", "c.mp4"]),
    ({"min_rating": 4}, ["b.mp4"]),
    ({"min_size": 20}, ["b.mp4", "c.mp4"]),
    ({"min_size": 20, "max_size": 20}, ["b.mp4"]),
    ({"min_duration": 5.0}, ["c.mp4"]),
    ({"max_duration": 5.0}, ["b.mp4"]),
    ({"min_width": 100, "max_width": 200}, ["a.jpg"]),
    ({"date_from": "2026-01-02"}, ["b.mp4", "c.mp4"]),
    ({"date_from": "2026-01-02", "date_to": "2026-01-03"}, ["b.mp4"]),
    ({"tags": ("red",)}, ["a.jpg", "b.mp4"]),
    ({"tags": ("RED", "blue")}, ["b.mp4"]),
    ({"tags": ("none",)}, []),
    ({"collection": 1}, ["c.mp4"]),
    ({"text": "blue"}, ["b.mp4"]),
    ({"text": "MP", "media_type": "video", "min_size": 30}, ["c.mp4"]),
    ({"trashed": True}, ["gone.jpg"]),
    ({"trashed": True, "text": "GONE"}, ["gone.jpg"]),
    ({"trashed": True, "text": "a"}, []),
    ({"text": "gone"}, []),
]


@pytest.fixture
def mixed(database):
    add(database, "a.jpg", format="JPEG", file_size=10, width=150, created_at="2026-01-01T12:00:00.000Z")
    add(database, "b.mp4", favorite=1, rating=5, file_size=20, duration=2.0, created_at="2026-01-02T12:00:00.000Z")
    add(
        database,
        "c.mp4",
        status="failed",
        file_size=30,
        duration=9.0,
        width=1920,
        created_at="2026-01-03T00:00:00.000Z",
    )
    gone = add(database, "gone.jpg")
    change(database, "UPDATE media_assets SET deleted_at = 'x' WHERE id = ?", gone)
    change(database, "INSERT INTO tags (id, name) VALUES (1, 'red'), (2, 'blue')")
    change(database, "INSERT INTO asset_tags (tag_id, asset_id) VALUES (1, 1), (1, 2), (2, 2), (1, 4)")
    change(database, "INSERT INTO collections (id, name) VALUES (1, 'best')")
    change(database, "INSERT INTO collection_assets VALUES (1, 3), (1, 4)")
    return database


@pytest.mark.parametrize("few", [0, 5_000])
@pytest.mark.parametrize(("wanted", "expected"), FILTERS)
def test_a_filter_finds_the_same_whichever_way_it_is_met(mixed, monkeypatch, wanted, expected, few):
    monkeypatch.setattr(asset_source, "FEW", few)
    monkeypatch.setattr(asset_source, "FEW_OF_TEXT", few)
    for sort in SORTS:
        assert sorted(paths(mixed, sort=sort, **wanted)) == expected
    assert page(mixed, **wanted).total == len(expected)


def test_a_text_that_every_row_has_is_counted_up_to_a_bound(mixed, monkeypatch):
    monkeypatch.setattr("services.backend.app.models.asset_count.COUNTED", 1)
    monkeypatch.setattr(asset_source, "FEW_OF_TEXT", 0)
    found = page(mixed, text="mp4", per_page=1)
    assert (found.total, found.is_capped, len(walk(mixed, text="mp4", per_page=1))) == (1, True, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("beach", ["x/Beach day.jpg"]),
        ("be da", ["x/Beach day.jpg"]),
        ("day beach", ["x/Beach day.jpg"]),
        ("ach", []),
        ("cafe", ["Café.jpg"]),
        ("IMG_00", ["IMG_0042.jpg"]),
        ("img_0042.jpg", ["IMG_0042.jpg"]),
        ("x/be", ["x/Beach day.jpg"]),
        ("100%", ["100%.jpg"]),
        ('"', []),
        ("beach OR cafe", []),
        ("title:beach", []),
        ("NOT beach", []),
        ("beach*", ["x/Beach day.jpg"]),
        ("(", []),
        ("- -", []),
    ],
)
def test_a_search_finds_beginnings_of_words_and_knows_no_operators(database, text, expected):
    for path in ("x/Beach day.jpg", "Café.jpg", "IMG_0042.jpg", "100%.jpg"):
        add(database, path)
    assert paths(database, text=text) == expected


def test_the_search_index_follows_every_change(database):
    number = add(database, "a.jpg", title="first")
    change(database, "UPDATE media_assets SET title = 'second' WHERE id = ?", number)
    assert (paths(database, text="first"), paths(database, text="second")) == ([], ["a.jpg"])
    change(database, "UPDATE media_assets SET deleted_at = 'x' WHERE id = ?", number)
    assert paths(database, text="second") == []
    change(database, "UPDATE media_assets SET deleted_at = NULL, title = 'third' WHERE id = ?", number)
    assert (paths(database, text="second"), paths(database, text="third")) == ([], ["a.jpg"])
    change(database, "DELETE FROM media_assets WHERE id = ?", number)
    assert paths(database, text="third") == []
    change(database, "INSERT INTO asset_search (asset_search, rank) VALUES ('integrity-check', 1)")


def test_counts_are_exact_after_every_kind_of_change(database):
    for number in range(4):
        add(database, f"{number}.jpg")
    change(database, "UPDATE media_assets SET status = 'ready' WHERE id < 3")
    change(database, "UPDATE media_assets SET deleted_at = 'x' WHERE id = 1")
    change(database, "DELETE FROM media_assets WHERE id = 4")
    with database.read() as connection:
        told = {tuple(row) for row in connection.execute("SELECT * FROM asset_counts WHERE assets > 0")}
        real = connection.execute(
            "SELECT media_type, status, deleted_at IS NOT NULL, count(*), sum(file_size)"
            " FROM media_assets GROUP BY 1, 2, 3"
        )
        assert told == {tuple(row) for row in real}
    assert page(database).total == 2
    assert page(database, status=Status.READY).total == 1
    assert page(database, trashed=True).total == 1


def test_a_count_is_remembered_until_something_changes(database):
    pages = AssetPages(database)
    add(database, "a.jpg", file_size=5)
    listing = Listing(filter=AssetFilter(min_size=5))
    assert pages.read(listing).total == 1
    assert pages.read(listing).total == 1
    add(database, "b.jpg", file_size=6)
    assert pages.read(listing).total == 2
