"""A move to another disk that was first seen as a copy: the original's asset gets the file."""

import os
import shutil

import pytest
from library_double import library_of_two

from services.backend.app.models.copy_store import CopyStore
from services.backend.app.models.root_store import RootStore
from services.worker.app.scanning import late_moves
from services.worker.app.scanning.late_moves import LateMoves
from services.worker.app.scanning.places import MAIN
from services.worker.app.scanning.scanner import RootAway
from services.worker.app.scanning.whereabouts import Whereabouts


@pytest.fixture
def library(tmp_path):
    with library_of_two(tmp_path) as made:
        made.late = LateMoves(made.roots, CopyStore(made.database), Whereabouts(made.roots, RootStore(made.database)))
        yield made


def read(library):
    """What the workers do with every asset."""
    library.execute(
        "UPDATE media_assets SET quick_hash = file_size || substr(file_path, -5), status = 'ready',"
        " thumbnail_key = 'k' WHERE status <> 'offline'"
    )


def begun(library, *paths):
    for path in paths:
        library.add(path, f"the content of {path}".encode())
    library.scan()
    read(library)
    library.execute("UPDATE media_assets SET title = 'My ' || file_path")


def copied(library, *paths):
    for path in paths:
        shutil.copy2(library.folder / path, library.archive.folder / path)
    library.scan()


def deleted(library, *paths):
    for path in paths:
        (library.folder / path).unlink()


def assets(library):
    return library.rows("SELECT id, file_path, title, status FROM media_assets WHERE deleted_at IS NULL ORDER BY id")


MOVED = [(1, "@archive/a.jpg", "My a.jpg", "ready")]


def test_a_copy_whose_original_goes_was_a_move(library):
    begun(library, "a.jpg")
    copied(library, "a.jpg")
    read(library)
    deleted(library, "a.jpg")
    assert library.scan().missing == 1
    assert library.late.find() == 1
    assert assets(library) == MOVED
    assert library.rows("SELECT name FROM roots JOIN media_assets ON roots.id = root_id") == [("archive",)]
    told = library.rows("SELECT type, asset_id FROM events ORDER BY seq DESC LIMIT 3")
    assert ("asset_deleted", 2) in told
    assert not library.scan().is_news
    assert library.late.find() == 0


def test_a_copy_that_is_read_only_later_is_known_then(library):
    begun(library, "a.jpg")
    copied(library, "a.jpg")
    deleted(library, "a.jpg")
    library.scan()
    assert library.late.find() == 0
    read(library)
    assert library.late.find() == 1
    assert assets(library) == MOVED


def test_a_file_that_was_found_half_copied_is_known_once_it_is_whole(library):
    begun(library, "a.jpg")
    (library.archive.folder / "a.jpg").write_bytes(b"the con")
    library.scan()
    read(library)
    shutil.copy2(library.folder / "a.jpg", library.archive.folder / "a.jpg")
    deleted(library, "a.jpg")
    library.scan()
    assert library.late.find() == 0
    library.scan()
    read(library)
    assert library.late.find() == 1
    assert assets(library) == MOVED


TOUCHES = {
    "titled": "UPDATE media_assets SET title = 'Mine' WHERE id = 2",
    "rated": "UPDATE media_assets SET rating = 3 WHERE id = 2",
    "a favorite": "UPDATE media_assets SET favorite = 1 WHERE id = 2",
    "tagged": "INSERT INTO asset_tags VALUES (1, 2)",
    "collected": "INSERT INTO collection_assets VALUES (1, 2)",
    "in the trash": "UPDATE media_assets SET deleted_at = 'now' WHERE id = 2",
    "of other bytes": "UPDATE media_assets SET content_hash = 'h' || id",
    "registered or uploaded": "UPDATE media_assets SET found_at = NULL WHERE id = 2",
    "older than a day": "UPDATE media_assets SET found_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-25 hours')",
}


@pytest.mark.parametrize("touch", TOUCHES.values(), ids=TOUCHES)
def test_a_copy_that_somebody_may_want_for_itself_stays(library, touch):
    begun(library, "a.jpg")
    copied(library, "a.jpg")
    read(library)
    library.execute("INSERT INTO tags VALUES (1, 'mine')")
    library.execute("INSERT INTO collections (id, name) VALUES (1, 'mine')")
    library.execute(touch)
    deleted(library, "a.jpg")
    library.scan()
    assert library.late.find() == 0
    assert library.rows("SELECT id, status FROM media_assets") == [(1, "offline"), (2, "ready")]


def test_a_copy_that_is_gone_as_well_is_no_move(library):
    begun(library, "a.jpg")
    copied(library, "a.jpg")
    read(library)
    deleted(library, "a.jpg")
    library.scan()
    (library.archive.folder / "a.jpg").unlink()
    assert library.late.find() == 0


def test_an_original_on_a_disk_that_is_away_has_not_moved(library):
    begun(library, "a.jpg")
    copied(library, "a.jpg")
    read(library)
    deleted(library, "a.jpg")
    library.scan()
    library.folder.rename(library.folder.with_name("unmounted"))
    library.folder.mkdir()
    assert library.late.find() == 0


def test_somebody_who_changes_the_copy_at_the_last_moment_keeps_it(library):
    begun(library, "a.jpg")
    copied(library, "a.jpg")
    read(library)
    deleted(library, "a.jpg")
    library.scan()
    store = CopyStore(library.database)
    [(lost, heir)] = store.went()
    library.execute("UPDATE media_assets SET title = 'Mine', rev = rev + 1 WHERE id = 2")
    assert not store.inherit(lost, heir)
    assert [number for number, *_ in assets(library)] == [1, 2]


def test_of_two_copies_one_is_the_move(library):
    begun(library, "a.jpg")
    copied(library, "a.jpg")
    (library.archive.folder / "x").mkdir()
    shutil.copy2(library.folder / "a.jpg", library.archive.folder / "x" / "a.jpg")
    library.scan()
    read(library)
    deleted(library, "a.jpg")
    library.scan()
    assert library.late.find() == 1
    assert [(number, path) for number, path, *_ in assets(library)] == [(1, "@archive/a.jpg"), (3, "@archive/x/a.jpg")]


def test_a_whole_library_that_is_copied_and_then_deleted_is_moves_and_not_a_lost_disk(library):
    names = [f"{number:03}.jpg" for number in range(120)]
    begun(library, *names)
    copied(library, *names)
    deleted(library, *names)
    with pytest.raises(RootAway):  # nobody has read the copies yet
        library.scanner.scan_in(MAIN, stopped=lambda _result: False)
    read(library)
    library.scan()
    assert library.late.find() == 120
    assert {(path, status) for _, path, _, status in assets(library)} == {
        (f"@archive/{name}", "ready") for name in names
    }
    assert all(title == f"My {path.rpartition('/')[2]}" for _, path, title, _ in assets(library))
    assert [root.offline_since for root in RootStore(library.database).all()] == [None, None]


def test_many_are_joined_in_several_calls(library, monkeypatch):
    monkeypatch.setattr(late_moves, "AT_ONCE", 2)
    names = ["a.jpg", "b.jpg", "c.jpg"]
    begun(library, *names)
    copied(library, *names)
    read(library)
    deleted(library, *names)
    library.scan()
    assert [library.late.find() for _ in range(3)] == [2, 1, 0]
    assert [number for number, *_ in assets(library)] == [1, 2, 3]


def test_a_backup_of_a_disk_that_is_then_unmounted_keeps_its_own_assets(library):
    names = [f"{number:03}.jpg" for number in range(120)]
    begun(library, *names)
    copied(library, *names)
    read(library)
    library.folder.rename(library.folder.with_name("unmounted"))
    library.folder.mkdir()
    with pytest.raises(RootAway):
        library.scan()
    assert library.late.find() == 0
    os.rmdir(library.folder)
    library.folder.with_name("unmounted").rename(library.folder)
    assert library.scan().missing == 0
    assert len(assets(library)) == 240
