import json
import os
import re
import socket

import pytest
from backend_media import picture
from running_backend import RunningBackend, running_backend

pytestmark = pytest.mark.system

ASSETS = "/api/v1/assets"


def error_of(response) -> str:
    body = response.json()
    assert set(body) <= {"error", "timestamp", "context"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["timestamp"])
    return body["error"]


def test_an_asset_has_exactly_the_fields_of_the_contract(library):
    asset = library.asset("trips/train.mp4")
    assert set(asset) == {
        "id", "title", "file_path", "mime_type", "file_size", "created_at", "updated_at", "media_metadata", "type",
        "status", "error", "rev", "tags", "rating", "favorite", "thumbhash", "taken_at", "deleted_at",
    }  # fmt: skip
    assert asset["title"] == "Train"
    assert asset["mime_type"] == "video/mp4"
    assert asset["file_size"] == (library.media / "trips" / "train.mp4").stat().st_size
    assert (asset["type"], asset["status"], asset["error"]) == ("video", "ready", None)


def test_the_metadata_is_read_from_the_file(library):
    video = library.asset("trips/train.mp4")["media_metadata"]
    assert (video["width"], video["height"], video["duration"], video["fps"]) == (160, 120, 1.0, 24.0)
    assert video["codec"] == "h264"
    image = library.asset("trips/alps.png")["media_metadata"]
    assert (image["width"], image["height"], image["codec"]) == (300, 400, "png")
    assert "duration" not in image
    assert re.fullmatch(r"/thumbnails/[0-9a-f]{32}\.jpg", image["thumbnail_url"])


def test_the_list_is_paged(library):
    body = library.get(ASSETS, params={"per_page": 2, "page": 2}).json()
    assert len(body["items"]) == 1
    assert body["meta"] == {
        "page": 2, "total": 3, "pages": 2, "per_page": 2, "has_next": False, "next_cursor": None,
        "total_is_capped": False, "rev": body["meta"]["rev"],
    }  # fmt: skip
    first = library.get(ASSETS, params={"per_page": 2}).json()
    after = library.get(ASSETS, params={"per_page": 2, "cursor": first["meta"]["next_cursor"]}).json()
    assert (after["items"], after["meta"]["page"]) == (body["items"], 2)
    assert library.get(ASSETS + "/").json()["meta"]["total"] == 3


def test_filters_and_search_and_sort_reach_the_database(library):
    assert [asset["file_path"] for asset in library.assets(type="video")] == ["trips/train.mp4"]
    assert [asset["file_path"] for asset in library.assets(q="trips/a")] == ["trips/alps.png"]
    assert [asset["title"] for asset in library.assets(sort="title", order="asc")] == ["Alps", "Beach", "Train"]
    assert library.assets(status="failed") == []


@pytest.mark.parametrize(
    "query",
    [
        "page=0", "page=-1", "page=1.5", "page=abc", "page=", "page=99999999999999999999", "page=%D9%A3", "per_page=0",
        "per_page=201", "sort=id", "sort=title;drop", "order=up", "type=audio", "status=gone", "q=a%00b",
        "q=" + "x" * 201, "tag=" + "x" * 201, "min_size=-1", "max_width=x", "min_rating=6", "favorite=yes", "trashed=2",
        "min_duration=1e9", "date_from=yesterday", "date_to=2026-13-01", "collection=a", "cursor=x", "cursor=W10",
        "cursor=" + "x" * 5000, "cursor=W10&page=2",
    ],
)  # fmt: skip
def test_a_bad_query_is_a_400_that_names_the_parameter(library, query):
    response = library.get(f"{ASSETS}?{query}")
    assert response.status_code == 400
    assert query.split("=")[0] in error_of(response)


def test_a_single_asset_is_read_and_has_not_changed_the_second_time(library):
    asset = library.asset("beach.jpg")
    response = library.get(f"{ASSETS}/{asset['id']}")
    assert response.json() == asset
    again = library.get(f"{ASSETS}/{asset['id']}", headers={"If-None-Match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("number", ["999999", "0", "9" * 30])
def test_an_asset_that_is_not_there_is_a_404_everywhere(library, number):
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/stream")):
        response = library.request(method, f"{ASSETS}/{number}{path}")
        assert response.status_code == 404
        assert "no asset" in error_of(response)


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/api/v1", ASSETS + "/abc", ASSETS + "/-1", "/api/v1/assets/1/x", "/..%2f"]
)
def test_every_other_address_is_a_404_with_the_error_body(library, path):
    response = library.get(path)
    assert response.status_code == 404
    assert error_of(response)


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", ASSETS), ("PUT", ASSETS + "/1"), ("POST", "/api/v1/health/status"), ("DELETE", "/thumbnails/1.jpg")],
)
def test_a_method_that_an_address_does_not_take_is_a_405(library, method, path):
    response = library.request(method, path)
    assert response.status_code == 405
    assert "GET" in response.headers["allow"]
    assert error_of(response)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "file_path"),
        ({"file_path": 7}, "file_path"),
        ([], "JSON object"),
        (None, "JSON object"),
        ({"file_path": "\ud800.jpg"}, "Unicode"),
        ({"file_path": "beach.jpg", "owner": 1}, "only file_path and title"),
        ({"file_path": "beach.jpg", "title": ""}, "title"),
        ({"file_path": "beach.jpg", "title": ["x"]}, "title"),
        ({"file_path": "notes.txt"}, "not supported"),
        ({"file_path": "../beach.jpg"}, "cannot be used"),
        ({"file_path": "/etc/passwd.jpg"}, "absolute"),
        ({"file_path": "a\u0000.jpg"}, "control"),
        ({"file_path": "trips\\alps.png"}, "backslash"),
        ({"file_path": "C:/alps.png"}, "absolute"),
    ],
)
def test_a_bad_registration_is_a_400_that_says_why(library, body, says):
    response = library.request("POST", ASSETS, content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert says in error_of(response)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{", "application/json"),
        (b"", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b'{"file_path": "beach.jpg"}', "text/plain"),
        (b"file_path=beach.jpg", "application/x-www-form-urlencoded"),
        (b"[" * 20000, "application/json"),
    ],
)
def test_a_body_that_is_no_json_is_a_400(library, content, kind):
    response = library.request("POST", ASSETS, content=content, headers={"Content-Type": kind})
    assert response.status_code == 400
    assert "JSON" in error_of(response)


def test_a_body_that_is_too_large_is_a_413_with_and_without_a_length(library):
    content = b'{"file_path": "' + b"x" * 70_000 + b'"}'
    for body in (content, iter([content])):
        response = library.request("POST", ASSETS, content=body, headers={"Content-Type": "application/json"})
        assert response.status_code == 413
        assert error_of(response)


def test_a_body_in_chunks_is_read(library):
    pieces = [b'{"file_path":', b' "beach.jpg"}']
    response = library.request("POST", ASSETS, content=iter(pieces), headers={"Content-Type": "application/json"})
    assert response.status_code == 200


def test_a_file_that_is_not_there_is_a_404_with_its_path(library):
    response = library.add("trips/none.jpg")
    assert response.status_code == 404
    assert response.json()["context"] == {"file_path": "trips/none.jpg"}


def test_a_known_file_is_a_200_with_the_asset_that_has_it(library):
    asset = library.asset("beach.jpg")
    response = library.add("beach.jpg", title="Another")
    assert (response.status_code, response.json()["id"], response.json()["title"]) == (200, asset["id"], "Beach")


def test_text_that_is_not_ascii_is_refused_in_the_raw_query_and_taken_encoded(library):
    with socket.create_connection(library.address, timeout=5) as connection:
        connection.sendall(b"GET /api/v1/assets?q=\xc3\xa9 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400")
    assert library.get(ASSETS, params={"q": "é"}).status_code == 200


@pytest.fixture
def own(folder) -> RunningBackend:
    """A server whose one scan is over, so that what comes later is registered by the test alone."""
    picture(folder / "media" / "first.jpg")
    with running_backend(folder) as server:
        server.wait_until_ready(1)
        yield server


def test_an_asset_is_added_read_and_deleted_and_its_file_stays(own):
    picture(own.media / "new.jpg", (80, 48))
    response = own.add("new.jpg", title="  My \u202epicture\n")
    assert response.status_code == 201
    asset = response.json()
    assert (asset["title"], asset["status"]) == ("My picture", "queued")
    assert response.headers["location"] == f"{ASSETS}/{asset['id']}"
    assert own.wait_for_status(asset["id"], "ready")["rev"] > asset["rev"]
    deleted = own.request("DELETE", f"{ASSETS}/{asset['id']}")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert own.get(f"{ASSETS}/{asset['id']}").status_code == 404
    assert own.request("DELETE", f"{ASSETS}/{asset['id']}").status_code == 404
    assert [left["file_path"] for left in own.assets()] == ["first.jpg"]
    assert (own.media / "new.jpg").exists()
    assert own.add("new.jpg").status_code == 201


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.mp4", b"", "empty"),
        ("list.mp4", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "not MP4"),
        ("photo.jpg", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "not JPEG"),
    ],
)
def test_a_file_whose_content_denies_its_name_is_a_400(own, name, content, says):
    (own.media / name).write_bytes(content)
    response = own.add(name)
    assert response.status_code == 400
    assert says in error_of(response)


def test_what_is_no_regular_file_inside_is_a_400_and_does_not_hang(own):
    (own.media / "folder.jpg").mkdir()
    os.mkfifo(own.media / "pipe.jpg")
    picture(own.folder / "outside.jpg")
    (own.media / "out.jpg").symlink_to(own.folder / "outside.jpg")
    for name in ("folder.jpg", "pipe.jpg", "out.jpg"):
        response = own.add(name)
        assert response.status_code == 400
        assert "context" not in response.json()


def test_a_fault_of_ours_is_a_500_without_details(own):
    import sqlite3

    connection = sqlite3.connect(own.data / "mam.db")
    connection.execute("ALTER TABLE media_assets RENAME TO elsewhere")
    connection.commit()
    connection.close()
    response = own.get(ASSETS)
    assert response.status_code == 500
    assert "media_assets" not in response.text
    assert any("no such table" in line for line in own.lines)


def test_the_prefix_can_be_another_and_thumbnails_keep_their_short_address(folder):
    picture(folder / "media" / "a.jpg")
    with running_backend(folder, API_PREFIX="/media/v2") as server:
        number = server.request("POST", "/media/v2/assets", json={"file_path": "a.jpg"}).json()["id"]
        assert server.get("/media/v2/health/status").status_code == 200
        assert server.get(f"/media/v2/assets/{number}").status_code == 200
        assert server.get(ASSETS).status_code == 404


def test_each_event_is_one_line_in_the_log(library):
    library.get("/nothing%0Aelse")
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ +[\w.]+: ", line) for line in library.lines)
    assert json.dumps(library.lines).count("Traceback") == 0
