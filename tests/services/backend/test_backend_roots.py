"""Further media folders (ALLOWED_DIRS): registered, streamed, deleted beneath a name of theirs."""

import os

import pytest
from library_client import JPEG, A, library_client


@pytest.fixture
def api(tmp_path):
    (tmp_path / "archive").mkdir()
    with library_client(tmp_path, further_roots={"archive": tmp_path / "archive"}, media_writable=True) as client:
        yield client


def root_of(api, number: int) -> str | None:
    with api.application.database.read() as connection:
        statement = "SELECT name FROM roots JOIN media_assets ON roots.id = root_id WHERE media_assets.id = ?"
        return connection.execute(statement, (number,)).fetchone()[0]


def test_the_same_path_in_two_folders_is_two_assets(api):
    (api.folder / "archive" / "a.jpg").write_bytes(JPEG + b"old")
    new = api.add("a.jpg", JPEG + b"new")
    answer = api.post(A, json={"file_path": "@archive/a.jpg"})
    assert answer.status_code == 201
    old = answer.json()["id"]
    assert (root_of(api, old), root_of(api, new)) == ("archive", None)
    assert api.get(f"{A}/{old}/stream").content == JPEG + b"old"
    assert api.get(f"{A}/{new}/stream").content == JPEG + b"new"
    assert str(api.folder) not in answer.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("@archive/../a.jpg", 400),
        ("@archive//a.jpg", 400),
        ("@archive/away.jpg", 400),
        ("@archive/no.jpg", 404),
        ("@other/a.jpg", 404),
        ("@archive", 400),
    ],
)
def test_nothing_but_what_is_in_the_folder_can_be_reached(api, path, status):
    api.file("a.jpg")
    os.symlink(api.media / "a.jpg", api.folder / "archive" / "away.jpg")
    assert api.post(A, json={"file_path": path}).status_code == status


def test_a_file_is_deleted_where_it_lies(api):
    place = api.folder / "archive" / "a.jpg"
    place.write_bytes(JPEG)
    api.file("a.jpg", JPEG + b"stays")
    number = api.post(A, json={"file_path": "@archive/a.jpg"}).json()["id"]
    assert api.delete(f"{A}/{number}", params={"permanent": "true", "delete_file": "true"}).status_code == 204
    assert not place.exists()
    assert (api.media / "a.jpg").exists()


def test_a_folder_that_is_not_configured_any_more_is_offline_and_its_assets_stay(api):
    (api.folder / "archive" / "a.jpg").write_bytes(JPEG)
    number = api.post(A, json={"file_path": "@archive/a.jpg"}).json()["id"]
    api.application.roots.enter([])
    root = api.get("/api/v1/health/processing").json()["roots"][1]
    assert (root["name"], root["status"]) == ("archive", "offline")
    assert api.get(f"{A}/{number}").status_code == 200
