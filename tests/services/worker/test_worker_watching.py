"""Hearing of changes in several media folders, and what is done where that cannot be."""

import logging
import shutil
import threading

import pytest
from backend_media import picture
from running_backend import running_backend, wait_for

from services.worker.app.scanning import watchers as watchers_module
from services.worker.app.scanning.watchers import Watchers

WATCHED = {"MEDIA_WATCH": "1", "SCAN_INTERVAL": "0"}
PROCESSING = "/api/v1/health/processing"


@pytest.fixture
def folders(tmp_path):
    made = {"": tmp_path / "media", "@archive": tmp_path / "archive"}
    for folder in made.values():
        folder.mkdir()
    return made


@pytest.fixture
def watchers(folders):
    made = Watchers(folders, threading.Event())
    yield made
    made.stop()


def heard(watchers, *, of):
    """Wait until a change of a media folder is heard of; return everything that was until then."""
    found: list[tuple[str, str]] = []

    def told() -> bool:
        found.extend(watchers.take())
        return any(name == of for name, _ in found)

    wait_for(told, f"a change in {of or 'the media folder'} is heard of")
    return found


def until_heard(watchers, folder, *, of):
    """Write until it is heard of: a watch begins a moment after it is asked for."""
    written = iter(range(1000))

    def told() -> bool:
        (folder / f"{next(written)}.jpg").write_bytes(b"x")
        return any(name == of for name, _ in watchers.take())

    wait_for(told, f"a change in {of or 'the media folder'} is heard of")


def test_a_change_is_told_with_the_folder_that_it_is_in(watchers, folders):
    watchers.follow({"": 1, "@archive": 1})
    for name, folder in folders.items():
        until_heard(watchers, folder, of=name)
    trips = folders["@archive"] / "trips"
    trips.mkdir()
    assert set(heard(watchers, of="@archive")) <= {("@archive", ""), ("@archive", "trips"), ("", "")}


def test_a_folder_of_the_first_with_the_name_of_another_one_is_not_heard(watchers, folders):
    watchers.follow({"": 1})
    until_heard(watchers, folders[""], of="")
    (folders[""] / "@archive").mkdir()
    (folders[""] / "@archive" / "a.jpg").write_bytes(b"x")
    (folders[""] / "own").mkdir()
    (folders[""] / "own" / "a.jpg").write_bytes(b"x")
    found: list[tuple[str, str]] = []

    def told() -> bool:
        found.extend(watchers.take())
        return ("", "own") in found or ("", "") in found

    wait_for(told, "the other one is heard of")
    assert not any(folder.startswith("@archive") for _, folder in found)


def test_a_folder_that_came_back_is_watched_again(watchers, folders, tmp_path):
    watchers.follow({"": 1, "@archive": 1})
    until_heard(watchers, folders["@archive"], of="@archive")
    folders["@archive"].rename(tmp_path / "unmounted")
    watchers.follow({"": 1})  # the scan found it away
    folders["@archive"].mkdir()
    watchers.follow({"": 1, "@archive": 1})
    until_heard(watchers, folders["@archive"], of="@archive")


def test_another_folder_in_its_place_is_noticed_and_watched_instead(watchers, folders, tmp_path):
    watchers.follow({"@archive": 1})
    until_heard(watchers, folders["@archive"], of="@archive")
    folders["@archive"].rename(tmp_path / "old")
    folders["@archive"].mkdir()
    for _ in range(2):
        assert ("@archive", "") in watchers.take()
    watchers.follow({"@archive": 1})
    watchers.take()
    until_heard(watchers, folders["@archive"], of="@archive")


def test_the_watches_of_the_system_are_for_all_folders_together_and_too_many_are_told_once(
    watchers, folders, monkeypatch, caplog
):
    monkeypatch.setattr(watchers_module, "allowed_watches", lambda: 100)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            watchers.follow({"": 60, "@archive": 40})
    [warning] = [record for record in caplog.records if record.name == "mam.watch"]
    assert "@archive: 40 folders are too many" in warning.getMessage()
    until_heard(watchers, folders[""], of="")
    (folders["@archive"] / "a.jpg").write_bytes(b"x")
    until_heard(watchers, folders[""], of="")
    assert all(name != "@archive" for name, _ in watchers.take())


@pytest.mark.system
def test_a_further_folder_is_watched_its_moves_are_known_again_and_it_may_come_and_go(tmp_path):
    archive, media = tmp_path / "archive", tmp_path / "media"
    for number in range(2):
        picture(archive / f"{number}.jpg", (40, 30 + number))
    media.mkdir()
    with running_backend(tmp_path, ALLOWED_DIRS=f"archive={archive}", **WATCHED) as server:
        before = {asset["file_path"]: asset["id"] for asset in server.wait_until_ready(2)}
        (archive / "trips").mkdir()
        (archive / "0.jpg").rename(archive / "trips" / "moved.jpg")
        moved = wait_for(lambda: [a for a in server.assets() if "moved" in a["file_path"]], "the move is seen")
        assert (moved[0]["file_path"], moved[0]["id"]) == ("@archive/trips/moved.jpg", before["@archive/0.jpg"])
        picture(media / "main.jpg", (41, 30))
        server.wait_until_ready(3)

        def root() -> dict:
            return server.get(PROCESSING).json()["roots"][1]

        archive.rename(tmp_path / "unmounted")
        wait_for(lambda: root()["status"] == "offline", "it is offline")
        (tmp_path / "unmounted").rename(archive)
        wait_for(lambda: root()["status"] == "online", "it is back")
        server.wait_until_ready(3)
        picture(archive / "new.jpg", (42, 30))
        server.wait_until_ready(4)
        assert not server.said("Traceback")


@pytest.mark.system
def test_a_file_that_moves_between_folders_is_the_same_asset_also_when_it_was_seen_as_a_copy_first(tmp_path):
    archive, media = tmp_path / "archive", tmp_path / "media"
    archive.mkdir()
    for number in range(2):
        picture(media / f"{number}.jpg", (40, 30 + number))
    # Scans as well: a watch begins a moment after the files are ready, and does not hear of what was before.
    with running_backend(tmp_path, ALLOWED_DIRS=f"archive={archive}", MEDIA_WATCH="1", SCAN_INTERVAL="0.5") as server:
        ids = {asset["file_path"]: asset["id"] for asset in server.wait_until_ready(2)}
        for number in ids.values():
            server.request("PATCH", f"/api/v1/assets/{number}", json={"title": f"Mine {number}", "tags": ["kept"]})
        (media / "0.jpg").rename(archive / "renamed.jpg")
        shutil.copy2(media / "1.jpg", archive / "copied.jpg")
        server.wait_until_ready(3)
        (media / "1.jpg").unlink()
        wait_for(lambda: len(server.assets()) == 2, "the copy was a move")
        wait_for(lambda: {asset["status"] for asset in server.assets()} == {"ready"}, "both are there")
        after = {asset["file_path"]: asset for asset in server.assets()}
        assert {path: asset["id"] for path, asset in after.items()} == {
            "@archive/renamed.jpg": ids["0.jpg"], "@archive/copied.jpg": ids["1.jpg"],
        }  # fmt: skip
        assert all(asset["title"] == f"Mine {asset['id']}" and asset["tags"] == ["kept"] for asset in after.values())
        assert not server.said("Traceback")
