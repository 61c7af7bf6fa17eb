import os
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from library_double import Library

from services.backend.app.api.registration import registration_from
from services.backend.app.models.asset import Status
from services.backend.app.models.asset_store import register_in
from services.backend.app.models.database import Database
from services.backend.app.services.media_root import MediaRoot
from services.worker.app.scanning.root_guard import why_away
from services.worker.app.scanning.scanner import RootAway


@pytest.fixture
def library(tmp_path):
    (tmp_path / "media").mkdir()
    with closing(Database(tmp_path / "mam.db")) as database:
        yield Library(tmp_path / "media", database)


def test_a_scan_finds_media_in_all_folders_and_nothing_else(library):
    for path in ("a.jpg", "x/b.MP4", "x/y/c.gif", "notes.txt", ".hidden.jpg", ".cache/d.jpg"):
        library.add(path)
    result = library.scan()
    assert set(library.states()) == {"a.jpg", "x/b.MP4", "x/y/c.gif"}
    assert (result.files, result.created, result.skipped) == (3, 3, 0)


def test_a_second_scan_changes_nothing(library):
    library.add("a.jpg")
    library.scan()
    before = library.events()
    assert not library.scan().is_news
    assert library.events() == before


def test_every_new_file_is_queued_by_the_database_itself(library):
    library.add("a.jpg")
    library.scan()
    assert library.rows("SELECT kind, state, asset_id FROM jobs") == [("metadata", "queued", 1)]


def test_a_changed_file_is_queued_again_and_what_was_done_for_the_old_one_is_void(library):
    library.add("a.jpg")
    library.scan()
    library.execute("UPDATE jobs SET state = 'running', claim = 5, attempts = 2")
    library.add("a.jpg", b"longer")
    assert library.scan().changed == 1
    assert library.rows("SELECT state, attempts, claim FROM jobs") == [("queued", 0, 6)]


def test_a_missing_file_is_offline_and_comes_back(library):
    library.add("a.jpg")
    library.scan()
    (library.folder / "a.jpg").rename(library.folder / "gone")
    assert library.scan().missing == 1
    assert library.states() == {"a.jpg": Status.OFFLINE}
    assert library.rows("SELECT * FROM jobs") == []
    assert library.scan().missing == 0
    (library.folder / "gone").rename(library.folder / "a.jpg")
    assert library.scan().returned == 1
    assert library.states() == {"a.jpg": Status.QUEUED}


def test_a_file_that_comes_back_as_it_was_needs_no_new_thumbnail(library):
    library.add("a.jpg")
    library.scan()
    library.execute("UPDATE media_assets SET status = 'ready', thumbnail_key = 'abc'")
    (library.folder / "a.jpg").rename(library.folder / "gone")
    library.scan()
    (library.folder / "gone").rename(library.folder / "a.jpg")
    library.scan()
    assert library.states() == {"a.jpg": Status.READY}


def test_a_folder_that_cannot_be_read_changes_nothing_and_makes_the_root_offline(library):
    library.add("a.jpg")
    library.scan()
    library.folder.rename(library.folder.with_name("unmounted"))
    with pytest.raises(RootAway, match="not there"):
        library.scan()
    assert library.states() == {"a.jpg": Status.QUEUED}
    assert library.rows("SELECT reason FROM roots") == [("the media folder is not there",)]
    library.folder.with_name("unmounted").rename(library.folder)
    library.scan()
    assert library.rows("SELECT offline_since, reason FROM roots") == [(None, None)]


def test_an_empty_folder_where_the_disk_was_is_no_deletion(library):
    for number in range(40):
        library.add(f"{number:02}.jpg")
    library.scan()
    shutil.move(library.folder, library.folder.with_name("disk"))
    library.folder.mkdir()
    with pytest.raises(RootAway, match="40 of 40 files are missing"):
        library.scan()
    assert set(library.states().values()) == {Status.QUEUED}
    assert library.rows("SELECT type, status FROM events ORDER BY seq DESC LIMIT 1") == [("root_update", "offline")]
    library.folder.rmdir()
    shutil.move(library.folder.with_name("disk"), library.folder)
    assert library.scan().missing == 0
    assert library.rows("SELECT type, status FROM events ORDER BY seq DESC LIMIT 1") == [("root_update", "online")]


@pytest.mark.parametrize(
    ("there", "removed", "believed"), [(5, 3, True), (200, 20, True), (200, 21, False), (2000, 101, False)]
)
def test_few_missing_files_are_believed_and_many_are_not(library, there, removed, believed):
    for number in range(there):
        library.add(f"{number:04}.jpg")
    library.scan()
    for number in range(removed):
        (library.folder / f"{number:04}.jpg").unlink()
    if believed:
        assert library.scan().missing == removed
        return
    with pytest.raises(RootAway):
        library.scan()
    assert library.scan(accept_missing=True).missing == removed


def test_a_deleted_asset_does_not_come_back_by_a_scan(library):
    library.add("a.jpg")
    library.scan()
    library.execute("UPDATE media_assets SET deleted_at = 'now'")
    library.add("a.jpg", b"longer")
    assert not library.scan().is_news
    assert library.states() == {}


def test_links_and_odd_names_are_left_out(library):
    library.add("a.jpg")
    (library.folder / "link.jpg").symlink_to("a.jpg")
    (library.folder / "loop").symlink_to(".")
    library.add("back\\slash.jpg")
    library.add("new\nline.jpg")
    with open(os.fsencode(library.folder) + b"/\xff.jpg", "wb"):
        pass
    result = library.scan()
    assert set(library.states()) == {"a.jpg"}
    assert result.skipped == 4


def test_a_scan_of_more_files_than_a_batch_and_a_page_finds_them_all(library, monkeypatch):
    monkeypatch.setattr("services.worker.app.scanning.batch.BATCH", 3)
    monkeypatch.setattr("services.backend.app.models.scan_store.PAGE", 2)
    for number in range(8):
        library.add(f"{number}.png")
    assert library.scan().created == 8
    assert len(library.states()) == 8
    assert not library.scan().is_news


def test_names_that_sort_around_the_slash_meet_their_rows(library):
    for path in ("a/x.jpg", "a.jpg", "a b.jpg", "a-b/x.jpg", "a0.jpg", "ä.jpg", "a/😀.jpg", "a/b/c.jpg", "a/b.jpg"):
        library.add(path)
    assert library.scan().created == 9
    assert not library.scan().is_news


def test_a_renamed_file_keeps_its_asset(library):
    library.add("a.jpg", b"picture")
    library.scan()
    library.execute("UPDATE media_assets SET status = 'ready', title = 'Mine', thumbnail_key = 'abc'")
    (library.folder / "new").mkdir()
    (library.folder / "a.jpg").rename(library.folder / "new" / "b.jpg")
    result = library.scan()
    assert (result.moved, result.created, result.missing) == (1, 0, 0)
    assert library.rows("SELECT id, file_path, title, status FROM media_assets") == [(1, "new/b.jpg", "Mine", "ready")]


def test_a_whole_folder_that_is_renamed_is_moves_and_not_a_lost_disk(library):
    for number in range(150):
        library.add(f"old/{number}.jpg", str(number).encode())
    library.scan()
    (library.folder / "old").rename(library.folder / "another")
    result = library.scan()
    assert (result.moved, result.created, result.missing) == (150, 0, 0)


def test_a_file_that_was_moved_by_copying_is_found_by_its_hash(library):
    library.add("a.jpg", b"a picture")
    library.scan()
    library.hash_all()
    copy = shutil.copy(library.folder / "a.jpg", library.folder / "b.jpg")
    os.utime(copy, ns=(1, 1))
    (library.folder / "a.jpg").unlink()
    result = library.scan()
    assert (result.moved, result.created, result.missing) == (1, 0, 0)
    assert library.states() == {"b.jpg": Status.QUEUED}  # its time is another: it is read again


def test_a_copy_beside_the_original_is_a_new_asset(library):
    library.add("a.jpg", b"a picture")
    library.scan()
    library.hash_all()
    shutil.copy2(library.folder / "a.jpg", library.folder / "b.jpg")
    result = library.scan()
    assert (result.moved, result.created) == (0, 1)


def test_a_folder_alone_can_be_scanned_and_the_rest_is_not_missing(library):
    library.add("x/a.jpg")
    library.add("y/b.jpg")
    library.scan()
    library.add("x/c.jpg")
    library.add("y/d.jpg")
    (library.folder / "x" / "a.jpg").unlink()
    result = library.scan("x")
    assert (result.files, result.created, result.missing) == (1, 1, 1)
    assert set(library.states()) == {"x/a.jpg", "x/c.jpg", "y/b.jpg"}


def test_a_folder_that_is_gone_makes_its_files_missing(library):
    library.add("x/a.jpg")
    library.scan()
    shutil.rmtree(library.folder / "x")
    assert library.scan("x").missing == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_what_lies_in_a_folder_that_may_not_be_read_is_not_missing(library):
    library.add("x/a.jpg")
    library.scan()
    (library.folder / "x").chmod(0)
    assert library.scan().missing == 0
    (library.folder / "x").chmod(0o700)


def test_a_scan_that_is_stopped_marks_nothing_missing(library):
    for number in range(5):
        library.add(f"{number}.jpg")
    library.scan()
    (library.folder / "0.jpg").unlink()
    library.scanner.scan(stopped=lambda result: result.files >= 2)
    assert set(library.states().values()) == {Status.QUEUED}


def register(library, path):
    """What POST /assets does."""
    found = registration_from({"file_path": path}, MediaRoot(library.folder))
    with library.database.write() as connection:
        register_in(connection, found, restore=True)


@pytest.mark.parametrize("path", [".hidden.png", ".cache/d.png", "link.png", "folder/d.png"])
def test_a_file_that_a_walk_passes_over_and_somebody_registered_by_its_name_is_no_missing_file(library, path):
    picture = b"\x89PNG\r\n\x1a\n" + b"x" * 90
    for name in (".hidden.png", ".cache/d.png", "there/d.png"):
        library.add(name, picture)
    (library.folder / "link.png").symlink_to(".hidden.png")
    (library.folder / "folder").symlink_to(".cache")
    register(library, path)
    result = library.scan()
    assert (result.missing, result.created) == (0, 1)
    assert library.states()[path] == Status.QUEUED

    (library.folder / path).write_bytes(picture + b"y")
    assert library.scan().changed == 1

    (library.folder / path).rename(library.folder / "aside")
    assert library.scan().missing == 1
    (library.folder / "aside").rename(library.folder / path)
    assert library.scan().returned == 1
    assert library.states()[path] == Status.QUEUED


def test_a_link_that_leads_out_of_the_folder_now_is_a_missing_file(library, tmp_path):
    library.add("a.png", b"\x89PNG\r\n\x1a\n" + b"x" * 90)
    (tmp_path / "secret.png").write_bytes(b"x")
    (library.folder / "link.png").symlink_to("a.png")
    register(library, "link.png")
    (library.folder / "link.png").unlink()
    (library.folder / "link.png").symlink_to(tmp_path / "secret.png")
    library.scan()
    assert library.states() == {"a.png": Status.QUEUED, "link.png": Status.OFFLINE}


def test_a_file_that_is_renamed_while_its_asset_is_in_the_trash_stays_there(library):
    library.add("trips/a.jpg", b"the content of a.jpg")
    library.scan()
    library.hash_all()
    library.execute("UPDATE media_assets SET status = 'ready', thumbnail_key = 'abc', deleted_at = 'now'")
    (library.folder / "trips").rename(library.folder / "travels")
    result = library.scan()
    assert (result.moved, result.created) == (1, 0)
    assert library.states() == {}
    assert library.rows("SELECT file_path, status FROM media_assets") == [("travels/a.jpg", Status.READY)]
    library.execute("UPDATE media_assets SET deleted_at = NULL")
    assert not library.scan().is_news


def test_a_file_that_is_there_again_under_another_name_is_no_longer_that_of_the_trash(library):
    library.add("a.jpg", b"the content of a.jpg")
    library.scan()
    library.hash_all()
    library.execute("UPDATE media_assets SET deleted_at = 'now'")
    library.add("b.jpg", b"the content of a.jpg")
    os.utime(library.folder / "b.jpg", ns=(1, 1))
    os.remove(library.folder / "a.jpg")
    assert library.scan().created == 1
    assert library.states() == {"b.jpg": Status.QUEUED}


def test_folders_may_lie_as_deep_as_a_path_may_be_long(library):
    deepest = "d/" * 500 + "a.jpg"
    library.add(deepest)
    library.scan()
    library.scan()
    assert library.states() == {deepest: Status.QUEUED}


def test_folders_with_an_odd_name_are_counted_as_not_usable(library):
    library.add("new\nline/a.jpg")
    library.add("back\\slash/a.jpg")
    assert (library.scan().skipped, library.states()) == (2, {})


def test_a_disk_of_which_the_system_only_knows_an_error_is_away():
    assert why_away(Path("/" + "x" * 5000)) == "the media folder is not there"
