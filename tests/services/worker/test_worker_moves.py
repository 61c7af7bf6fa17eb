"""A file that moves from one media folder to another is the same asset there."""

import os
import shutil

import pytest
from library_double import library_of_two

from services.backend.app.models.root_store import RootStore
from services.backend.app.models.scan_store import ScanStore
from services.backend.app.services.content_hash import quick_hash
from services.backend.app.services.media_roots import MediaRoots
from services.worker.app.scanning.places import MAIN
from services.worker.app.scanning.scanner import RootAway, Scanner


@pytest.fixture
def library(tmp_path):
    with library_of_two(tmp_path) as made:
        yield made


def scan_in(library, name):
    return library.scanner.scan_in(name, stopped=lambda _result: False)


def begun(library, *paths, archive=()):
    """A library that was scanned, read and titled by its owner."""
    for path in paths:
        library.add(path, f"the content of {path}".encode())
    for path in archive:
        library.archive.add(path, f"the content of {path}".encode())
    library.scan()
    for holder, prefix in ((library, ""), (library.archive, "@archive/")):
        hash_in(library, holder.folder, prefix)
    library.execute("UPDATE media_assets SET status = 'ready', thumbnail_key = 'k', title = 'My ' || file_path")
    library.execute("DELETE FROM jobs")


def hash_in(library, folder, prefix):
    """What the workers' metadata jobs do."""
    for path in folder.rglob("*.jpg"):
        descriptor = os.open(path, os.O_RDONLY)
        mark = quick_hash(descriptor)
        os.close(descriptor)
        name = prefix + str(path.relative_to(folder))
        library.execute("UPDATE media_assets SET quick_hash = ? WHERE file_path = ?", mark, name)


def assets(library):
    return library.rows(
        "SELECT m.id, ifnull(r.name, ''), file_path, title, status FROM media_assets m JOIN roots r ON r.id = root_id"
        " WHERE deleted_at IS NULL ORDER BY m.id"
    )


MOVED = [(1, "archive", "@archive/deep/b.jpg", "My a.jpg", "ready")]


def renamed(place, target):
    target.parent.mkdir(exist_ok=True)
    place.rename(target)


def copied_and_deleted(place, target):
    """A move to another disk: another inode, the same time."""
    target.parent.mkdir(exist_ok=True)
    shutil.copy2(place, target)
    place.unlink()


@pytest.mark.parametrize("move", [renamed, copied_and_deleted])
@pytest.mark.parametrize("order", [("@archive", MAIN), (MAIN, "@archive")])
def test_a_file_that_moves_to_another_root_keeps_id_and_title_whichever_is_scanned_first(library, move, order):
    begun(library, "a.jpg")
    move(library.folder / "a.jpg", library.archive.folder / "deep" / "b.jpg")
    results = [scan_in(library, name) for name in order]
    assert sum(result.moved for result in results) == 1
    assert sum(result.created for result in results) == 0
    assert assets(library) == MOVED
    assert not library.scan().is_news


def test_a_file_comes_back_from_another_root_with_the_tags_it_got_there(library):
    begun(library, archive=["b.jpg"])
    library.execute("INSERT INTO tags VALUES (1, 'mine')")
    library.execute("INSERT INTO asset_tags VALUES (1, 1)")
    (library.archive.folder / "b.jpg").rename(library.folder / "a.jpg")
    assert library.scan().moved == 1
    assert library.rows("SELECT id, root_id, file_path, tags FROM media_assets") == [(1, 1, "a.jpg", '["mine"]')]


def test_a_rename_is_known_before_the_file_was_ever_read(library):
    library.add("a.jpg", b"new")
    library.archive.add("other.jpg")
    library.scan()
    (library.folder / "a.jpg").rename(library.archive.folder / "a.jpg")
    assert library.scan().moved == 1
    assert {path for _, _, path, *_ in assets(library)} == {"@archive/a.jpg", "@archive/other.jpg"}


def test_a_copy_in_another_root_is_an_asset_of_its_own(library):
    begun(library, "a.jpg")
    shutil.copy2(library.folder / "a.jpg", library.archive.folder / "a.jpg")
    result = library.scan()
    assert (result.moved, result.created) == (0, 1)


def test_of_one_file_that_went_and_two_that_came_one_is_the_move(library):
    begun(library, "a.jpg")
    shutil.copy2(library.folder / "a.jpg", library.archive.folder / "a.jpg")
    (library.folder / "a.jpg").rename(library.archive.folder / "b.jpg")
    result = library.scan()
    assert (result.moved, result.created) == (1, 1)
    assert {status for *_, status in assets(library)} == {"ready", "queued"}


def test_of_several_with_one_content_the_one_with_the_name_is_taken(library):
    for name in ("a.jpg", "b.jpg"):
        library.add(name, b"one content")
    begun(library)
    shutil.copy(library.folder / "b.jpg", library.archive.folder / "b.jpg")
    (library.folder / "a.jpg").unlink()
    (library.folder / "b.jpg").unlink()
    scan_in(library, "@archive")
    assert {(number, path) for number, _, path, *_ in assets(library)} == {(1, "a.jpg"), (2, "@archive/b.jpg")}


def away(library):
    library.folder.rename(library.folder.with_name("unmounted"))


def empty(library):
    away(library)
    library.folder.mkdir()


@pytest.mark.parametrize("leave", [away, empty])
def test_the_files_of_a_disk_that_is_away_have_not_moved(library, leave):
    begun(library, "a.jpg")
    shutil.copy2(library.folder / "a.jpg", library.archive.folder / "a.jpg")
    leave(library)
    assert scan_in(library, "@archive").created == 1
    assert [(number, path) for number, _, path, *_ in assets(library)] == [(1, "a.jpg"), (2, "@archive/a.jpg")]


def test_a_root_that_is_offline_gives_nothing_away(library):
    begun(library, *(f"{number:02}.jpg" for number in range(20)))
    shutil.copy2(library.folder / "00.jpg", library.folder.with_name("kept.jpg"))
    for place in library.folder.iterdir():
        place.unlink()
    with pytest.raises(RootAway):
        scan_in(library, MAIN)
    library.folder.with_name("kept.jpg").rename(library.archive.folder / "00.jpg")
    assert scan_in(library, "@archive").created == 1


def test_a_folder_that_is_not_configured_any_more_gives_nothing_away(library):
    begun(library, archive=["a.jpg"])
    RootStore(library.database).enter([])
    library.add("a.jpg", b"the content of a.jpg")
    only = Scanner(MediaRoots(library.folder, {}), ScanStore(library.database), RootStore(library.database))
    assert only.scan(stopped=lambda _result: False).created == 1


@pytest.mark.parametrize(("move", "found"), [(renamed, (1, 0)), (copied_and_deleted, (0, 1))])
def test_a_file_that_is_renamed_into_another_root_stays_in_the_trash_and_a_copy_is_new(library, move, found):
    begun(library, "a.jpg")
    library.execute("UPDATE media_assets SET deleted_at = 'now'")
    move(library.folder / "a.jpg", library.archive.folder / "deep" / "a.jpg")
    result = library.scan()
    assert (result.moved, result.created) == found
    assert library.rows("SELECT count(*) FROM media_assets WHERE deleted_at IS NULL") == [(found[1],)]


@pytest.mark.parametrize("order", [("@archive", MAIN), (MAIN, "@archive")])
def test_a_whole_library_that_moves_is_moves_and_not_a_lost_disk(library, order):
    begun(library, *(f"{number:03}.jpg" for number in range(120)))
    for place in sorted(library.folder.iterdir()):
        place.rename(library.archive.folder / place.name)
    results = [scan_in(library, name) for name in order]
    assert (sum(result.moved for result in results), sum(result.missing for result in results)) == (120, 0)
    assert {name for _, name, *_ in assets(library)} == {"archive"}
    assert [root.offline_since for root in RootStore(library.database).all()] == [None, None]
    assert library.rows("SELECT count(*) FROM events WHERE type = 'root_update'") == [(0,)]


def test_two_roots_that_miss_much_at_once_end_as_offline_and_not_in_circles(library):
    begun(library, *(f"{n}.jpg" for n in range(20)), archive=[f"x{n}.jpg" for n in range(20)])
    for place in [*library.folder.iterdir(), *library.archive.folder.iterdir()]:
        place.unlink()
    for name in (MAIN, "@archive"):
        with pytest.raises(RootAway):
            scan_in(library, name)
    assert {status for *_, status in assets(library)} == {"ready"}


def test_a_scan_that_is_stopped_while_it_looks_elsewhere_says_nothing_of_the_disk(library):
    begun(library, *(f"{number}.jpg" for number in range(20)))
    for place in library.folder.iterdir():
        place.rename(library.archive.folder / place.name)
    asked = iter(range(1000))
    library.scanner.scan_in(MAIN, stopped=lambda _result: next(asked) >= 25)
    assert [root.offline_since for root in RootStore(library.database).all()] == [None, None]
    assert library.scan().moved + sum(name == "archive" for _, name, *_ in assets(library)) >= 20


def test_a_disk_that_answers_with_an_error_says_nothing_of_its_files(library, monkeypatch):
    begun(library, "a.jpg")
    shutil.copy2(library.folder / "a.jpg", library.archive.folder / "a.jpg")
    looked, real = [], os.lstat

    def broken(path, **options):
        if str(path).startswith(str(library.folder)):
            looked.append(path)
            raise OSError(5, "Input/output error")
        return real(path, **options)

    monkeypatch.setattr(os, "lstat", broken)
    assert scan_in(library, "@archive").created == 1
    assert looked
