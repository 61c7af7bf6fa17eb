import os
from contextlib import closing

import pytest

from services.backend.app.models.asset import Status
from services.backend.app.models.asset_store import AssetStore, Listing
from services.backend.app.models.database import Database
from services.backend.app.models.work_store import WorkStore
from services.backend.app.services.media_root import MediaRoot
from services.backend.app.services.scanner import Scanner


class Library:
    """A media folder, a database, and what a scan told."""

    def __init__(self, folder, database):
        self.folder = folder
        self.assets = AssetStore(database)
        self.told: list[tuple[str, Status]] = []
        notify = lambda asset: self.told.append((asset.file_path, asset.status))  # noqa: E731
        self._scanner = Scanner(MediaRoot(folder), WorkStore(database), notify=notify)

    def scan(self):
        return self._scanner.scan(stopped=lambda: False)

    def add(self, path: str, content: bytes = b"x") -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_bytes(content)

    def states(self) -> dict[str, Status]:
        return {asset.file_path: asset.status for asset in self.assets.page(Listing(per_page=200))[0]}


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
    assert {status for _, status in library.told} == {Status.QUEUED}


def test_a_second_scan_is_silent(library):
    library.add("a.jpg")
    library.scan()
    library.told.clear()
    assert not library.scan().is_news
    assert library.told == []


def test_a_changed_file_is_queued_again(library):
    library.add("a.jpg")
    library.scan()
    library.add("a.jpg", b"longer")
    assert library.scan().changed == 1


def test_a_missing_file_is_offline_and_comes_back(library):
    library.add("a.jpg")
    library.scan()
    (library.folder / "a.jpg").rename(library.folder / "gone")
    assert library.scan().missing == 1
    assert library.states() == {"a.jpg": Status.OFFLINE}
    assert library.scan().missing == 0
    (library.folder / "gone").rename(library.folder / "a.jpg")
    library.scan()
    assert library.states() == {"a.jpg": Status.QUEUED}


def test_a_folder_that_cannot_be_read_changes_nothing(library):
    library.add("a.jpg")
    library.scan()
    library.folder.rename(library.folder.with_name("unmounted"))
    assert not library.scan().is_news
    assert library.states() == {"a.jpg": Status.QUEUED}


def test_a_deleted_asset_does_not_come_back_by_a_scan(library):
    library.add("a.jpg")
    library.scan()
    library.assets.trash(library.assets.page(Listing())[0][0].id)
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


def test_a_scan_of_more_files_than_a_batch_finds_them_all(library, monkeypatch):
    monkeypatch.setattr("services.backend.app.services.scanner.BATCH", 3)
    for number in range(8):
        library.add(f"{number}.png")
    assert library.scan().created == 8
    assert len(library.states()) == 8
