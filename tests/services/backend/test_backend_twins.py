"""Assets with the same bytes: found at once where that is quick, else by a worker, and kept true ever after."""

import json
import os
import sqlite3
from contextlib import closing

import pytest
from backend_media import clip
from library_client import A, library_client
from running_backend import running_backend, wait_for
from websockets.sync.client import connect

from services.backend.app.services import twin_finder
from services.backend.app.services.twin_finder import AT_ONCE_BYTES

LARGE = AT_ONCE_BYTES + 1_000_000
MP4 = b"\0\0\0\x18ftypisom" + bytes(100)


def large(api, name: str, *, middle: bytes = b"") -> dict:
    """Register a large file, which is sparse; ``middle`` is where a quick look does not come."""
    place = api.file(name, MP4)
    os.truncate(place, LARGE)
    with place.open("rb+") as file:
        file.seek(LARGE // 2)
        file.write(middle)
    answer = api.post(A, json={"file_path": name})
    return answer.json() | {"answered": answer.status_code}


@pytest.fixture
def unread(monkeypatch):
    """Nothing but a worker may read all of a large file."""

    def refused(_descriptor: int) -> str:
        raise AssertionError("a request read all bytes of a large file")

    monkeypatch.setattr(twin_finder, "content_hash", refused)


def hashed(api, **hashes: str | None) -> None:
    """What the worker's jobs do, by the numbers of the assets."""
    for number, content in hashes.items():
        with api.application.database.write() as connection:
            connection.execute(
                "UPDATE media_assets SET content_hash = ?, rev = rev + 1 WHERE id = ?", (content, number.strip("_"))
            )


def originals(api) -> dict[int, int | None]:
    return {asset["id"]: asset.get("duplicate_of") for asset in api.items()}


def test_a_large_file_is_answered_without_being_read_and_hashed_later(api, unread):
    first, other = large(api, "a.mp4"), large(api, "b.mp4")
    assert (first["answered"], "may_duplicate" in first) == (201, False)
    assert (other["answered"], other["may_duplicate"], "duplicate_of" in other) == (201, first["id"], False)
    jobs = api.get("/api/v1/jobs", params={"kind": "hash"}).json()["items"]
    assert {job["asset_id"] for job in jobs} == {first["id"], other["id"]}
    again = api.post(A, json={"file_path": "b.mp4"})
    assert (again.status_code, again.json()["id"]) == (200, other["id"])


def test_a_large_file_with_other_ends_has_no_twin(api, unread):
    large(api, "a.mp4")
    api.file("b.mp4", MP4 + b"other")
    os.truncate(api.media / "b.mp4", LARGE)
    answer = api.post(A, json={"file_path": "b.mp4"})
    assert (answer.status_code, answer.json().keys() & {"may_duplicate", "duplicate_of"}) == (201, set())
    assert api.get("/api/v1/jobs", params={"kind": "hash"}).json()["items"] == []


def test_a_twin_whose_bytes_are_known_is_not_read_again(api, unread):
    large(api, "a.mp4")
    hashed(api, _1="h")
    large(api, "b.mp4")
    jobs = api.get("/api/v1/jobs", params={"kind": "hash"}).json()["items"]
    assert [job["asset_id"] for job in jobs] == [2]


def test_which_asset_is_the_original_stays_true_whatever_becomes_of_it(api):
    for name in "abcd":
        api.add(f"{name}.jpg")
    hashed(api, _2="same", _3="same", _4="other")
    assert originals(api) == {1: None, 2: None, 3: 2, 4: None}
    hashed(api, _1="same")
    assert originals(api) == {1: None, 2: 1, 3: 1, 4: None}
    api.delete(f"{A}/1")
    assert originals(api) == {2: None, 3: 2, 4: None}
    api.post(f"{A}/1/restore")
    assert originals(api) == {1: None, 2: 1, 3: 1, 4: None}
    hashed(api, _2=None)
    assert originals(api) == {1: None, 2: None, 3: 1, 4: None}
    hashed(api, _4="same")
    api.delete(f"{A}/1", params={"permanent": "true"})
    assert originals(api) == {2: None, 3: None, 4: 3}


def told(api, since: int) -> dict[int, int]:
    """The assets that clients were told of after an event, with the latest revision; once the copies were told."""

    def nothing_is_due() -> bool:
        with api.application.database.read() as connection:
            return connection.execute("SELECT count(*) FROM twin_news").fetchone()[0] == 0

    wait_for(nothing_is_due, "every copy is told")
    events = api.get("/api/v1/events", params={"since": since, "limit": 1000}).json()["events"]
    return {event["data"]["asset_id"]: event["data"]["rev"] for event in events if event["type"] == "asset_updated"}


def latest(api) -> int:
    with api.application.database.read() as connection:
        return connection.execute("SELECT max(seq) FROM events").fetchone()[0]


def twins(api, count: int) -> None:
    for number in range(count):
        api.add(f"{number:03}.jpg")
    with api.application.database.write() as connection:
        connection.execute("UPDATE media_assets SET content_hash = 'same'")
    told(api, 0)


CHANGES = {
    "trashed": lambda api: api.delete(f"{A}/1"),
    "deleted": lambda api: api.delete(f"{A}/1", params={"permanent": "true"}),
    "trashed with others": lambda api: api.post(f"{A}/bulk", json={"action": "trash", "ids": [1]}),
    "another file now": lambda api: hashed(api, _1=None),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_copies_are_told_when_their_original_is_no_more(api, change):
    twins(api, 3)
    since, tags = latest(api), {number: api.get(f"{A}/{number}").headers["etag"] for number in (2, 3)}
    change(api)
    assert told(api, since).keys() - {1} == {2, 3}
    assert api.get(f"{A}/2").json().get("duplicate_of") is None
    answers = [api.get(f"{A}/{number}", headers={"if-none-match": tag}) for number, tag in tags.items()]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].json()["duplicate_of"] == 2


def test_copies_are_told_when_their_original_comes_out_of_the_trash(api):
    twins(api, 3)
    api.delete(f"{A}/1")
    told(api, 0)
    since = latest(api)
    api.post(f"{A}/1/restore")
    assert told(api, since).keys() == {2, 3}
    assert originals(api) == {1: None, 2: 1, 3: 1}


def test_nobody_is_told_when_a_copy_goes_that_is_nobodys_original(api):
    twins(api, 3)
    since = latest(api)
    api.delete(f"{A}/2")
    assert told(api, since) == {}


def test_a_copy_that_is_told_of_its_original_keeps_its_place_in_the_list(api):
    twins(api, 3)
    before = api.items(sort="updated_at", order="desc")
    api.delete(f"{A}/1")
    told(api, 0)
    after = api.items(sort="updated_at", order="desc")
    assert [asset["updated_at"] for asset in before if asset["id"] != 1] == [asset["updated_at"] for asset in after]


def test_hundreds_of_copies_are_told_in_batches_each_once(api):
    twins(api, 1)
    with api.application.database.write() as connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 350)"
            " INSERT INTO media_assets (title, file_path, media_type, mime_type, status, content_hash)"
            " SELECT 't', i || '.jpg', 'image', 'image/jpeg', 'ready', 'same' FROM n"
        )
    since = latest(api)
    api.delete(f"{A}/1")
    assert told(api, since).keys() == set(range(2, 351))
    events = api.get("/api/v1/events", params={"since": since, "limit": 1000}).json()["events"]
    assert sum(event["type"] == "asset_updated" for event in events) == 349


def test_trashing_thousands_of_copies_passes_by_none_that_are_in_the_trash(api):
    with api.application.database.write() as connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)"
            " INSERT INTO media_assets (title, file_path, media_type, mime_type, status, content_hash)"
            " SELECT 't', i || '.jpg', 'image', 'image/jpeg', 'ready', 'same' FROM n"
        )
        plan = connection.execute(
            "EXPLAIN QUERY PLAN SELECT 1 FROM media_assets WHERE content_hash = ? AND id < ? AND deleted_at IS NULL",
            "x1",
        ).fetchall()
        connection.execute("UPDATE media_assets SET deleted_at = 'now'")
    assert "idx_media_assets_content_hash (content_hash=? AND rowid<?)" in plan[0]["detail"]
    assert told(api, latest(api)) == {}


def test_what_was_not_told_when_a_backend_ended_is_told_by_the_next(tmp_path):
    with library_client(tmp_path) as api:
        twins(api, 3)
    with closing(sqlite3.connect(tmp_path / "data" / "mam.db")) as connection, connection:
        [since] = connection.execute("SELECT max(seq) FROM events").fetchone()
        connection.execute("UPDATE media_assets SET deleted_at = 'now', rev = rev + 1 WHERE id = 1")
        assert connection.execute("SELECT * FROM twin_news").fetchall() == [("same", 1)]
    with library_client(tmp_path) as api:
        assert told(api, since).keys() == {2, 3}


@pytest.mark.system
@pytest.mark.parametrize("differs", [False, True])
def test_a_worker_reads_large_twins_and_clients_are_told(folder, differs):
    for name in ("a.mp4", "b.mp4"):
        clip(folder / "media" / name, frames=4)
        os.truncate(folder / "media" / name, LARGE)
    if differs:
        with (folder / "media" / "b.mp4").open("rb+") as file:
            file.seek(LARGE // 2)
            file.write(b"other")
    with running_backend(folder, worker=False) as server, connect(server.ws, proxy=None) as live:
        first = server.add("a.mp4").json()["id"]
        answer = server.add("b.mp4")
        assert (answer.status_code, answer.json()["may_duplicate"]) == (201, first)
        other = answer.json()["id"]
        from running_worker import running_worker

        with running_worker(folder):
            server.wait_until_ready(2)
            wait_for(lambda: not server.get("/api/v1/jobs", params={"kind": "hash"}).json()["items"], "both are read")
        assert server.get(f"{A}/{other}").json().get("duplicate_of") == (None if differs else first)
        told = server.get(f"{A}/{other}").json()["rev"]
        while True:
            message = json.loads(live.recv(timeout=5))
            if message.get("data", {}).get("asset_id") == other and message["data"].get("rev") == told:
                break
        [group] = server.get(f"{A}/duplicates").json()["groups"] or [None]
        assert (group is None) is differs
