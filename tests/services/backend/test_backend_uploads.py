"""Sending files: as a form, and in pieces that survive whatever happens in between."""

import base64
import hashlib
import os
import socket
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from library_client import JPEG, A, LibraryClient
from running_backend import running_backend, wait_for

from services.backend.app.models import upload_rows
from services.backend.app.native import upload_routes
from services.backend.app.services import upload_store
from services.backend.app.services.file_names import safe_stem

U = "/api/v1/uploads"
TUS = {"Tus-Resumable": "1.0.0"}
STREAM = {**TUS, "Content-Type": "application/offset+octet-stream"}


def begin(api: httpx.Client, length: int, name: str = "beach.jpg", **metadata: str) -> httpx.Response:
    fields = {"filename": name, **metadata}
    encoded = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in fields.items())
    return api.post(U, headers={**TUS, "Upload-Length": str(length), "Upload-Metadata": encoded})


def send(api: httpx.Client, path: str, offset: int, content: bytes, **headers: str) -> httpx.Response:
    return api.patch(path, content=content, headers={**STREAM, "Upload-Offset": str(offset), **headers})


def offset(api: httpx.Client, path: str) -> int:
    answer = api.head(path, headers=TUS)
    assert answer.status_code == 200
    return int(answer.headers["upload-offset"])


def parts(api: LibraryClient) -> list[str]:
    return [path.name for path in (api.media / "uploads" / ".parts").glob("*")]


def test_a_file_of_a_form_becomes_an_asset_under_a_name_of_ours(api):
    answer = api.post(A, files={"file": ("../../Beach: day.JPG", JPEG)}, data={"title": "The beach"})
    asset = answer.json()
    assert (answer.status_code, asset["title"], asset["status"]) == (201, "The beach", "queued")
    assert asset["file_path"].startswith(f"uploads/{datetime.now(UTC):%Y/%m}/Beach_ day-")
    assert (api.media / asset["file_path"]).read_bytes() == JPEG
    assert answer.headers["location"] == f"{A}/{asset['id']}"
    assert parts(api) == []


def test_a_path_with_a_known_content_is_an_asset_and_the_answer_names_the_other_one(api):
    first = api.add("a.jpg", JPEG + b"x" * 200_000)
    api.file("b.jpg", JPEG + b"x" * 200_000)
    # Its size and both ends are the same, and it differs in the middle.
    api.file("c.jpg", JPEG + b"x" * 100_000 + b"y" + b"x" * 99_999)
    again = api.post(A, json={"file_path": "b.jpg"})
    assert (again.status_code, again.json()["duplicate_of"]) == (200, first)
    assert again.json()["file_path"] == "b.jpg"
    other = api.post(A, json={"file_path": "c.jpg"})
    assert other.status_code == 201
    assert "duplicate_of" not in other.json()


def test_what_is_in_the_trash_makes_no_duplicate(api):
    first = api.add("a.jpg", JPEG)
    assert api.delete(f"{A}/{first}").status_code == 204
    api.file("b.jpg", JPEG)
    assert api.post(A, json={"file_path": "b.jpg"}).status_code == 201


def test_the_same_content_again_is_a_200_with_the_asset_that_has_it(api):
    first = api.post(A, files={"file": ("a.jpg", JPEG)}).json()
    again = api.post(A, files={"file": ("b.jpg", JPEG)})
    assert (again.status_code, again.json()["duplicate_of"]) == (200, first["id"])
    assert len(api.items()) == 1
    assert parts(api) == []


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ([("file", ("a.txt", JPEG))], 400),
        ([("file", ("a.png", JPEG))], 400),
        ([("file", ("a.jpg", b""))], 400),
        ([("other", ("a.jpg", JPEG))], 400),
        ([("file", ("a.jpg", JPEG)), ("file", ("b.jpg", JPEG))], 400),
        ([("file", ("a.jpg", JPEG)), ("more", ("b.jpg", JPEG))], 400),
        ([("file", ("", JPEG))], 400),
    ],
)
def test_a_form_that_cannot_be_taken_leaves_nothing(shared_api, files, status):
    before = len(shared_api.items())
    assert shared_api.post(A, files=files).status_code == status
    assert len(shared_api.items()) == before
    assert [name for name in parts(shared_api) if name.startswith("form-")] == []


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("beach.jpg", "beach"), ("../../etc/passwd.jpg", "passwd"), ("C:\\x\\con.jpg", "_con"),
        (".hidden.jpg", "hidden"),
        ("a\x00b.jpg", "ab"), ("gpj.\u202eexe.jpg", "gpj.exe"),
        ("x" * 999 + ".jpg", "x" * 160), ("....jpg", "file"),
        ("e\u0301.jpg", "é"), ("a?b*c.jpg", "a_b_c"), ("", "file"), ("LPT1.txt.jpg", "_LPT1.txt"),
        ("é" * 200 + ".jpg", "é" * 80),
    ],
)  # fmt: skip
def test_a_name_is_made_safe_for_every_disk(name, stem):
    assert safe_stem(name) == stem


def test_pieces_become_an_asset(api):
    content = JPEG + os.urandom(300_000)
    created = begin(api, len(content), "Über uns.jpg", title="About us")
    assert (created.status_code, created.headers["tus-resumable"]) == (201, "1.0.0")
    path = created.headers["location"]
    assert offset(api, path) == 0
    for start in range(0, len(content), 100_000):
        answer = send(api, path, start, content[start : start + 100_000])
        assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(min(start + 100_000, len(content))))
    asset = api.get(answer.headers["asset-location"]).json()
    assert (asset["title"], asset["file_size"]) == ("About us", len(content))
    assert (api.media / asset["file_path"]).read_bytes() == content
    # Asking again tells the same, and makes nothing twice.
    assert api.get(path).json()["asset_id"] == asset["id"]
    assert api.head(path).headers["asset-location"] == f"{A}/{asset['id']}"
    assert len(api.items()) == 1


def test_pieces_of_a_known_content_are_told_as_a_duplicate(api):
    first = api.post(A, files={"file": ("a.jpg", JPEG)}).json()
    path = begin(api, len(JPEG)).headers["location"]
    answer = send(api, path, 0, JPEG)
    assert (answer.status_code, answer.headers["asset-duplicate"]) == (204, "true")
    assert api.get(path).json()["duplicate_of"] == first["id"]
    assert parts(api) == []


def test_a_piece_at_the_wrong_place_is_a_409_that_names_the_right_one(shared_api):
    path = begin(shared_api, 100).headers["location"]
    assert send(shared_api, path, 0, JPEG).status_code == 204
    for wrong in (0, 5, 100):
        answer = send(shared_api, path, wrong, b"x")
        assert (answer.status_code, answer.json()["context"]["offset"]) == (409, len(JPEG))


def test_a_piece_counts_only_when_it_matches_its_checksum(shared_api):
    path = begin(shared_api, 100).headers["location"]
    right = base64.b64encode(hashlib.sha256(JPEG).digest()).decode()
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    assert send(shared_api, path, 0, JPEG, **{"Upload-Checksum": f"sha256 {wrong}"}).status_code == 460
    assert offset(shared_api, path) == 0
    assert send(shared_api, path, 0, JPEG, **{"Upload-Checksum": f"sha256 {right}"}).status_code == 204
    assert offset(shared_api, path) == len(JPEG)
    for nonsense in ("sha256", "crc32 AAAA", "sha256 !", "sha1 " + right):
        assert send(shared_api, path, len(JPEG), b"x", **{"Upload-Checksum": nonsense}).status_code == 400


def test_more_than_was_announced_is_a_413_and_does_not_count(shared_api):
    path = begin(shared_api, 20).headers["location"]
    assert send(shared_api, path, 0, JPEG * 3).status_code == 413
    assert offset(shared_api, path) == 0


def test_a_whole_file_of_another_content_is_a_400_and_gone(api):
    path = begin(api, 5).headers["location"]
    assert send(api, path, 0, b"hello").status_code == 400
    assert api.head(path).status_code == 404
    assert (parts(api), api.items()) == ([], [])


def test_giving_up_removes_what_has_arrived(api):
    path = begin(api, 100).headers["location"]
    send(api, path, 0, JPEG)
    assert len(parts(api)) == 1
    assert api.delete(path, headers=TUS).status_code == 204
    assert (api.head(path).status_code, api.delete(path).status_code, parts(api)) == (404, 404, [])


def test_an_upload_that_nobody_goes_on_with_expires(api, monkeypatch):
    path = begin(api, 100).headers["location"]
    monkeypatch.setattr(upload_rows, "_now", lambda: upload_rows._text(datetime.now(UTC) + timedelta(hours=25)))
    assert api.head(path).status_code == 404
    begin(api, 100)
    assert path.rpartition("/")[2] + ".part" not in parts(api)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 400), ({"Upload-Length": "-1"}, 400), ({"Upload-Length": "x"}, 400), ({"Upload-Length": "0"}, 400),
        ({"Upload-Length": "9" * 17}, 413), ({"Upload-Length": "9", "Tus-Resumable": "0.2.2"}, 412),
        ({"Upload-Length": "9", "Upload-Metadata": "filename !"}, 400),
        ({"Upload-Length": "9", "Upload-Metadata": ""}, 400),
        ({"Upload-Length": "9", "Upload-Metadata": "filename eC50eHQ="}, 400),
        ({"Upload-Length": "9", "Upload-Metadata": "filename " + "A" * 5000}, 400),
    ],
)  # fmt: skip
def test_a_bad_beginning_is_refused(shared_api, headers, status):
    defaults = {"Upload-Metadata": "filename YS5qcGc="}
    assert shared_api.post(U, headers=defaults | headers).status_code == status


def test_a_piece_needs_its_type_its_offset_and_an_upload(shared_api):
    path = begin(shared_api, 100).headers["location"]
    assert shared_api.patch(path, content=b"x", headers={"Upload-Offset": "0"}).status_code == 415
    assert shared_api.patch(path, content=b"x", headers=STREAM).status_code == 400
    assert send(shared_api, f"{U}/{'0' * 32}", 0, b"x").status_code == 404
    assert send(shared_api, f"{U}/..%2f..%2fa", 0, b"x").status_code in {404, 405}


def test_what_the_server_can_do_is_told(shared_api):
    answer = shared_api.options(U)
    assert (answer.status_code, answer.headers["tus-version"]) == (204, "1.0.0")
    assert "checksum" in answer.headers["tus-extension"]


def test_there_is_a_bound_on_open_uploads(api, monkeypatch):
    monkeypatch.setattr(upload_store, "MAX_OPEN", 2)
    assert [begin(api, 100).status_code for _ in range(3)] == [201, 201, 429]


def test_a_file_for_which_there_is_no_room_is_a_507(api, monkeypatch):
    monkeypatch.setattr(upload_store, "RESERVE_BYTES", 10**18)
    assert begin(api, 100).status_code == 507
    assert api.post(A, files={"file": ("a.jpg", JPEG)}).status_code == 507
    assert (parts(api), api.items()) == ([], [])


def test_a_disk_that_fills_up_in_the_middle_is_a_507_and_what_arrived_stays(api, monkeypatch):
    path = begin(api, 3 * 1024 * 1024).headers["location"]
    whole = upload_routes._written

    def full(descriptor: int, content: bytes, at: int) -> None:
        if at >= 1024 * 1024:
            raise OSError(28, "No space left on device")
        whole(descriptor, content, at)

    monkeypatch.setattr(upload_routes, "_written", full)
    content = os.urandom(3 * 1024 * 1024)
    assert send(api, path, 0, content).status_code == 507
    at = offset(api, path)
    assert 1024 * 1024 <= at < len(content)
    assert (api.media / "uploads" / ".parts" / f"{path.rpartition('/')[2]}.part").read_bytes()[:at] == content[:at]


def test_a_media_folder_that_is_not_there_takes_no_uploads(api):
    api.media.rmdir()
    assert begin(api, 100).status_code == 409
    assert not api.media.exists()


def test_a_client_that_goes_away_keeps_what_it_sent(api):
    content = JPEG + os.urandom(2_000_000)
    path = begin(api, len(content)).headers["location"]
    head = f"PATCH {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/offset+octet-stream\r\n"
    head += f"Upload-Offset: 0\r\nContent-Length: {len(content)}\r\n\r\n"
    with socket.create_connection((api.base_url.host, api.base_url.port), timeout=5) as connection:
        connection.sendall(head.encode() + content[:1_500_000])
    at = wait_for(lambda: offset(api, path), "what was sent counts")
    assert 0 < at <= 1_500_000
    answer = send(api, path, at, content[at:])
    assert (api.media / api.get(answer.headers["asset-location"]).json()["file_path"]).read_bytes() == content


def test_a_process_that_died_while_it_finished_is_finished_for(api):
    path = begin(api, len(JPEG)).headers["location"]
    upload_id = path.rpartition("/")[2]
    api.application.uploads.part_of(upload_id).write_bytes(JPEG)
    with api.application.database.write() as connection:
        connection.execute("UPDATE uploads SET received = length")
    asset = api.get(path).json()["asset_id"]
    assert api.get(f"{A}/{asset}").status_code == 200
    # ... and also when it died between the rename and the row.
    with api.application.database.write() as connection:
        connection.execute("UPDATE uploads SET asset_id = NULL")
        connection.execute("DELETE FROM media_assets")
    again = api.get(path).json()["asset_id"]
    assert [item["id"] for item in api.items()] == [again]


@pytest.mark.system
def test_an_upload_survives_the_death_of_the_server(folder):
    content = JPEG + os.urandom(40_000_000)
    with running_backend(folder) as server, server.client() as api:
        path = begin(api, len(content)).headers["location"]
        with socket.create_connection(server.address, timeout=5) as connection:
            head = f"PATCH {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/offset+octet-stream\r\n"
            head += f"Upload-Offset: 0\r\nContent-Length: {len(content)}\r\n\r\n"
            connection.sendall(head.encode() + content[:30_000_000])
            wait_for(lambda: offset(api, path) >= 16_000_000, "a step counts")
            server.process.kill()
            server.process.wait(5)
    with running_backend(folder) as server, server.client() as api:
        at = offset(api, path)
        assert 16_000_000 <= at <= 30_000_000
        answer = send(api, path, at, content[at:])
        assert answer.status_code == 204
        stored = server.media / api.get(answer.headers["asset-location"]).json()["file_path"]
        assert stored.read_bytes() == content


def test_every_answer_of_an_upload_names_the_version_of_the_protocol(api):
    path = begin(api, 10).headers["location"]
    refused = [
        begin(api, 10, "a.exe"),
        send(api, path, 5, b"x"),
        send(api, path, 0, b"x", **{"Upload-Checksum": "sha1 " + base64.b64encode(b"x" * 20).decode()}),
        api.head(f"{U}/none"),
        api.delete(path, headers={"Tus-Resumable": "0.2.0"}),
    ]
    assert [answer.status_code for answer in refused] == [400, 409, 460, 404, 412]
    assert {answer.headers["tus-resumable"] for answer in refused} == {"1.0.0"}
    assert refused[-1].headers["tus-version"] == "1.0.0"


def test_who_did_not_hear_that_all_has_arrived_is_told_again(api):
    path = begin(api, len(JPEG)).headers["location"]
    done = send(api, path, 0, JPEG)
    again = send(api, path, len(JPEG), b"")
    assert (again.status_code, again.headers["upload-offset"]) == (204, str(len(JPEG)))
    assert again.headers["asset-location"] == done.headers["asset-location"]
    assert send(api, path, 0, JPEG).status_code == 409
