"""Whatever is asked: an answer in the form of the contract, no fault of ours, and no folder of this machine in it."""

import json
import os
import string
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from library_client import JPEG, A, LibraryClient
from running_backend import REPOSITORY
from websockets.sync.client import connect

LISTED = {
    200, 201, 202, 204, 206, 304, 400, 403, 404, 405, 409, 410, 412, 413, 415, 416, 421, 429, 460, 507,
}  # fmt: skip
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from([
    "page", "per_page", "cursor", "sort", "order", "q", "type", "status", "format", "tag", "collection", "favorite",
    "min_rating", "min_size", "max_size", "min_duration", "max_width", "date_from", "date_to", "trashed", "since",
    "limit", "epoch", "after", "permanent", "delete_file",
])  # fmt: skip
MEMBERS = st.sampled_from([
    "file_path", "title", "tags", "rating", "favorite", "name", "add", "remove", "ids", "selection", "action",
    "dry_run","collection", "filter", "folder",
])  # fmt: skip
PATHS = st.sampled_from([
    "", "/1", "/2", "/99", "/0", f"/{2**63}", "/1/stream", "/1/restore", "/1/reprocess", "/bulk", "/export", "/import",
    "/duplicates", "/%00", "/..%2f..%2fetc%2fpasswd", "/1/stream%00", "/\u00e9",
]).map(lambda path: A + path) | st.sampled_from([
    "/api/v1/tags", "/api/v1/tags/1", "/api/v1/collections", "/api/v1/collections/1", "/api/v1/collections/1/assets",
    "/api/v1/events", "/api/v1/stats", "/api/v1/uploads", "/api/v1/uploads/x", "/api/v1/jobs", "/thumbnails/x.jpg",
    "/thumbnails/..%2f..%2fmam.db", "/thumbnails/1.jpg", "/", "/etc/passwd",
])  # fmt: skip
TEXTS = st.text(max_size=30) | st.sampled_from(["../../etc/passwd", "/etc/passwd", "a\0b", "%", "OR 1=1 --", "9" * 40])
HEADERS = st.dictionaries(
    st.sampled_from([
        "range", "if-range", "if-match", "if-none-match", "if-modified-since", "upload-offset", "upload-length",
        "upload-metadata", "upload-checksum", "tus-resumable", "content-type",
    ]),
    st.text(string.ascii_letters + string.digits + ' =-,;"*/', max_size=30).map(str.strip)
    | st.sampled_from(["bytes=0-1", "application/json", "application/offset+octet-stream", "filename YS5qcGc=", "*"]),
    max_size=3,
)  # fmt: skip
FUZZ = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def secrets(shared_api: LibraryClient) -> list[str]:
    shared_api.add("b.jpg", tags=["t"])
    shared_api.post("/api/v1/collections", json={"name": "c"})
    (shared_api.media / "out.jpg").symlink_to(REPOSITORY / "README.md")
    folder = shared_api.folder
    named = {str(folder), os.path.realpath(folder), folder.name, str(REPOSITORY), str(Path.home())} - {"/", "/root"}
    return sorted(named)


def check(answer: httpx.Response, secrets: list[str]) -> None:
    assert answer.status_code in LISTED, (answer.request.method, answer.request.url, answer.status_code, answer.text)
    if answer.status_code >= 400 and answer.request.method != "HEAD" and answer.content:
        assert set(answer.json()) <= {"error", "timestamp", "context"}
    said = f"{answer.headers} {answer.text}"
    assert not [secret for secret in secrets if secret in said]
    assert answer.headers["x-content-type-options"] == "nosniff"


@FUZZ
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"]),
    path=PATHS,
    query=st.dictionaries(NAMES, TEXTS, max_size=3),
    headers=HEADERS,
    body=st.none() | st.binary(max_size=40) | st.just(JPEG),
)
def test_any_request_gets_a_listed_answer(shared_api, secrets, method, path, query, headers, body):
    check(shared_api.request(method, path, params=query, headers=headers, content=body), secrets)


@FUZZ
@given(
    method=st.sampled_from(["POST", "PATCH"]),
    path=PATHS,
    body=st.dictionaries(MEMBERS | st.text(max_size=8), JSON_VALUES | TEXTS, max_size=4) | JSON_VALUES,
)
def test_any_json_gets_a_listed_answer(shared_api, secrets, method, path, body):
    check(shared_api.request(method, path, json=body), secrets)


@settings(FUZZ, max_examples=150)
@given(
    path=st.text(max_size=60)
    | st.lists(st.sampled_from(["..", ".", "a", "etc", "\0", "\\", "", "out.jpg"])).map("/".join)
)
def test_no_path_reaches_out_of_the_media_folder(shared_api, secrets, path):
    for wanted in (path, f"{path}/out.jpg", f"{shared_api.folder}/{path}", f"{path}.jpg", "out.jpg"):
        content = json.dumps({"file_path": wanted})
        answer = shared_api.post(A, content=content, headers={"Content-Type": "application/json"})
        # 201: another test may have put one of the two into the trash.
        assert answer.status_code in {200, 201, 400, 404}
        if answer.is_success:
            assert answer.json()["file_path"] in {"a.jpg", "b.jpg"}
        check(answer, secrets)


@settings(FUZZ, max_examples=60)
@given(name=st.text(max_size=40), title=st.text(max_size=20))
def test_any_name_of_an_upload_lies_where_uploads_lie(shared_api, secrets, name, title):
    answer = shared_api.post(
        A, files={"file": (f"{name}.jpg", JPEG + name.encode("utf-8", "replace"))}, data={"title": title}
    )
    check(answer, secrets)
    if answer.status_code == 201:
        assert answer.json()["file_path"].startswith("uploads/")
        place = (shared_api.media / answer.json()["file_path"]).resolve(strict=True)
        assert place.is_relative_to((shared_api.media / "uploads").resolve())


@settings(FUZZ, max_examples=40)
@given(messages=st.lists(JSON_VALUES.map(json.dumps) | st.text(max_size=30) | st.binary(max_size=20), max_size=2))
def test_any_frame_leaves_the_socket_in_order(shared_api, secrets, messages):
    address = str(shared_api.base_url).replace("http", "ws").rstrip("/") + "/ws"
    with connect(address, proxy=None, open_timeout=5, close_timeout=2) as socket:
        for message in messages:
            socket.send(message)
        socket.send('{"type": "ping"}')
        while (frame := json.loads(socket.recv(timeout=5)))["type"] != "pong":
            assert not [secret for secret in secrets if secret in json.dumps(frame)]


def test_a_form_of_another_site_is_refused_with_and_without_an_origin(shared_api):
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        answer = shared_api.post(A, files={"file": ("a.jpg", JPEG)}, headers=headers)
        assert answer.status_code == 403
    for header in ("Host", "Origin"):
        answer = shared_api.patch(f"{A}/1", json={"title": "x"}, headers={header: "evil.example"})
        assert answer.status_code in {403, 421}


def test_events_that_are_no_longer_there_are_a_410(shared_api):
    body = shared_api.get("/api/v1/events").json()
    assert body["latest"] >= 1
    assert len(shared_api.get("/api/v1/events?limit=1").json()["events"]) == 1
    for query in (f"since={body['latest'] + 5}", f"since={body['latest']}&epoch=other"):
        answer = shared_api.get(f"/api/v1/events?{query}")
        assert (answer.status_code, answer.json()["context"]["latest"]) == (410, body["latest"])
