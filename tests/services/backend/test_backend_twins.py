"""Assets with the same bytes: found at once where that is quick, else by a worker, and kept true ever after."""

import json
import os

import pytest
from backend_media import clip
from library_client import A
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
