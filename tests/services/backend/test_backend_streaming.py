"""``/assets/<id>/stream`` to the letter of RFC 9110."""

import os
from email import message_from_bytes
from email.utils import formatdate

import httpx
import pytest
from library_client import JPEG, A

CONTENT = JPEG + bytes(range(256)) * 4000
SIZE = len(CONTENT)


@pytest.fixture(scope="module")
def path(shared_api):
    return f"{A}/{shared_api.add('stream.jpg', CONTENT)}/stream"


def ask(api: httpx.Client, path: str, ranges: str, **headers: str) -> httpx.Response:
    return api.get(
        path, headers={"Range": ranges, **{name.replace("_", "-"): value for name, value in headers.items()}}
    )


@pytest.mark.parametrize(
    ("ranges", "start", "end"),
    [("bytes=0-9", 0, 10), ("bytes=10-", 10, SIZE), ("bytes=-7", SIZE - 7, SIZE), (f"bytes=5-{SIZE * 2}", 5, SIZE)],
)
def test_one_range_is_a_206_with_its_bytes(shared_api, path, ranges, start, end):
    answer = ask(shared_api, path, ranges)
    assert (answer.status_code, answer.content) == (206, CONTENT[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert answer.headers["content-length"] == str(end - start)
    assert answer.headers["content-type"] == "image/jpeg"


def test_several_ranges_are_one_multipart_answer(shared_api, path):
    answer = ask(shared_api, path, "bytes=500000-500099,0-9,-5")
    assert answer.status_code == 206
    assert "content-range" not in answer.headers
    assert int(answer.headers["content-length"]) == len(answer.content)
    head = b"Content-Type: " + answer.headers["content-type"].encode() + b"\r\n\r\n"
    parts = message_from_bytes(head + answer.content).get_payload()
    spans = [(500000, 500100), (0, 10), (SIZE - 5, SIZE)]
    assert [part["Content-Range"] for part in parts] == [f"bytes {a}-{b - 1}/{SIZE}" for a, b in spans]
    assert {part["Content-Type"] for part in parts} == {"image/jpeg"}
    at = 0
    for start, end in spans:
        at = answer.content.index(CONTENT[start:end], at)


def test_ranges_that_touch_are_one_part(shared_api, path):
    answer = ask(shared_api, path, "bytes=0-9,10-19")
    assert (answer.headers["content-range"], answer.content) == (f"bytes 0-19/{SIZE}", CONTENT[:20])


def test_a_range_behind_the_end_is_a_416_that_says_how_long_the_file_is(shared_api, path):
    answer = ask(shared_api, path, f"bytes={SIZE}-")
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{SIZE}")
    assert answer.json()["error"] == f"no such range: the file has {SIZE} bytes"


@pytest.mark.parametrize("ranges", ["bytes=9-0", "lines=0-1", "bytes", "bytes=x"])
def test_what_is_no_range_is_the_whole_file(shared_api, path, ranges):
    answer = ask(shared_api, path, ranges)
    assert (answer.status_code, answer.content == CONTENT) == (200, True)


def test_head_tells_what_get_would_and_knows_no_ranges(shared_api, path):
    answer = shared_api.head(path, headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, str(SIZE), b"")
    assert answer.headers["accept-ranges"] == "bytes"
    whole = shared_api.get(path)
    for name in ("content-type", "etag", "last-modified", "content-length"):
        assert answer.headers[name] == whole.headers[name]


def test_if_range_sends_a_part_only_of_the_very_file(shared_api, path):
    whole = shared_api.head(path)
    for condition in (whole.headers["etag"], whole.headers["last-modified"]):
        assert ask(shared_api, path, "bytes=0-9", If_Range=condition).status_code == 206
    for condition in ('"other"', "W/" + whole.headers["etag"], formatdate(0, usegmt=True), "nonsense"):
        assert ask(shared_api, path, "bytes=0-9", If_Range=condition).status_code == 200


def test_what_the_client_has_is_a_304_and_comes_before_any_range(shared_api, path):
    whole = shared_api.head(path)
    for headers in (
        {"If-None-Match": whole.headers["etag"]},
        {"If-None-Match": '"x", W/' + whole.headers["etag"]},
        {"If-None-Match": "*"},
        {"If-Modified-Since": whole.headers["last-modified"]},
        {"If-None-Match": whole.headers["etag"], "Range": "bytes=0-9"},
    ):
        answer = shared_api.get(path, headers=headers)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", whole.headers["etag"])
    both = {"If-None-Match": '"other"', "If-Modified-Since": whole.headers["last-modified"]}
    assert shared_api.get(path, headers=both).status_code == 200


def test_a_client_that_wants_another_state_of_the_file_gets_a_412(shared_api, path):
    whole = shared_api.head(path)
    for headers, status in (
        ({"If-Match": whole.headers["etag"]}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"other"'}, 412),
        ({"If-Unmodified-Since": whole.headers["last-modified"]}, 200),
        ({"If-Unmodified-Since": formatdate(0, usegmt=True)}, 412),
        ({"If-Unmodified-Since": "nonsense"}, 200),
    ):
        assert shared_api.head(path, headers=headers).status_code == status


def test_a_file_that_is_gone_is_a_404_without_its_path(shared_api):
    number = shared_api.add("gone.jpg")
    (shared_api.media / "gone.jpg").unlink()
    answer = shared_api.get(f"{A}/{number}/stream")
    assert answer.status_code == 404
    assert "gone.jpg" not in answer.text


def test_a_file_that_changes_between_two_parts_is_told_by_its_etag(shared_api):
    number = shared_api.add("changing.jpg", CONTENT)
    path = f"{A}/{number}/stream"
    first = ask(shared_api, path, "bytes=0-9")
    place = shared_api.file("changing.jpg", CONTENT[::-1])
    os.utime(place, (1, 1))
    second = ask(shared_api, path, "bytes=10-19", If_Range=first.headers["etag"])
    assert (second.status_code, second.content == CONTENT[::-1]) == (200, True)
