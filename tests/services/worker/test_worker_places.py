"""Scanning several folders as one library."""

import pytest
from library_double import library_of_two

from services.backend.app.models.job_order import next_job
from services.backend.app.models.root_store import RootStore
from services.worker.app.scanning.scanner import RootAway


@pytest.fixture
def library(tmp_path):
    with library_of_two(tmp_path) as made:
        yield made


def test_every_folder_is_scanned_and_a_second_time_nothing_is_new(library):
    library.add("a.jpg")
    library.archive.add("a.jpg")
    library.archive.add("trips/b.mp4")
    assert library.scan().created == 3
    assert set(library.states()) == {"a.jpg", "@archive/a.jpg", "@archive/trips/b.mp4"}
    assert library.rows("SELECT count(*) FROM media_assets WHERE root_id = 1") == [(1,)]
    before = library.events()
    assert not library.scan().is_news
    assert library.events() == before


def test_a_part_of_a_further_folder_can_be_scanned_alone(library):
    library.add("a.jpg")
    library.archive.add("trips/b.mp4")
    library.archive.add("c.jpg")
    assert library.scan("@archive/trips").created == 1
    assert set(library.states()) == {"@archive/trips/b.mp4"}


def test_a_folder_of_the_first_root_with_the_name_of_another_root_is_not_seen(library):
    library.add("@archive/x.jpg")
    library.archive.add("y.jpg")
    library.scan()
    assert set(library.states()) == {"@archive/y.jpg"}


def test_a_further_disk_that_is_away_harms_neither_its_assets_nor_the_others(library):
    library.add("a.jpg")
    library.archive.add("b.jpg")
    library.scan()
    folder = library.archive.folder
    folder.rename(folder.with_name("unmounted"))
    library.add("c.jpg")
    assert library.scan().created == 1
    assert set(library.states().values()) == {"queued"}
    with library.database.read() as connection:
        due = {library.rows("SELECT asset_id FROM jobs WHERE id = ?", next_job(connection, 9e9))[0][0]}
    assert due <= {row[0] for row in library.rows("SELECT id FROM media_assets WHERE root_id = 1")}
    with pytest.raises(RootAway):
        library.scan("@archive")
    folder.with_name("unmounted").rename(folder)
    library.scan()
    assert [root.offline_since for root in RootStore(library.database).all()] == [None, None]


def test_no_job_of_a_disk_that_is_away_is_next(library):
    library.archive.add("b.jpg")
    library.scan()
    library.archive.folder.rename(library.archive.folder.with_name("unmounted"))
    library.scan()
    with library.database.read() as connection:
        assert next_job(connection, 9e9) is None


def test_a_rename_inside_a_further_folder_keeps_the_asset_and_a_twin_elsewhere_is_another(library):
    library.archive.add("a.jpg", b"one content")
    library.scan()
    number = library.rows("SELECT id FROM media_assets")
    (library.archive.folder / "a.jpg").rename(library.archive.folder / "b.jpg")
    assert library.scan().moved == 1
    assert library.rows("SELECT id FROM media_assets WHERE file_path = '@archive/b.jpg'") == number


def test_the_first_disk_being_away_is_told_when_all_was_asked_for(library):
    library.add("a.jpg")
    library.scan()
    library.archive.add("b.jpg")
    library.folder.rename(library.folder.with_name("unmounted"))
    with pytest.raises(RootAway):
        library.scan()
    assert library.states()["@archive/b.jpg"] == "queued"


def test_a_start_without_further_folders_leaves_the_first_one_online(library):
    roots = RootStore(library.database)
    assert roots.enter([]) == {}
    assert [root.offline_since is None for root in roots.all()] == [True, False]
    library.add("a.jpg")
    library.archive.add("b.jpg")
    library.scan()
    assert [root.offline_since for root in roots.all()] == [None, None]
