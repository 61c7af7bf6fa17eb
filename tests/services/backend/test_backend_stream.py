import os
import socket
from io import BytesIO

import psutil
import pytest
from backend_media import clip, picture
from PIL import Image
from running_backend import running_backend, wait_for

pytestmark = pytest.mark.system


@pytest.fixture(scope="session")
def video(library):
    asset = library.asset("trips/train.mp4")
    return f"/api/v1/assets/{asset['id']}/stream", (library.media / "trips" / "train.mp4").read_bytes()


def test_a_stream_is_the_file_byte_for_byte(library, video):
    url, content = video
    response = library.get(url)
    assert (response.status_code, response.content) == (200, content)
    assert response.headers["content-type"] == "video/mp4"
    assert response.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [("bytes=0-99", 0, 100), ("bytes=100-", 100, None), ("bytes=-50", -50, None), ("bytes=7-7", 7, 8)],
)
def test_a_range_is_a_206_with_exactly_its_bytes(library, video, header, start, end):
    url, content = video
    response = library.get(url, headers={"Range": header})
    assert (response.status_code, response.content) == (206, content[start:end])
    first = start % len(content)
    last = first + len(response.content) - 1
    assert response.headers["content-range"] == f"bytes {first}-{last}/{len(content)}"


def test_a_range_behind_the_end_is_a_416_that_says_the_size(library, video):
    url, content = video
    response = library.get(url, headers={"Range": f"bytes={len(content)}-"})
    assert response.status_code == 416
    assert set(response.json()) == {"error", "timestamp"}
    assert response.headers["content-range"] == f"bytes */{len(content)}"


@pytest.mark.parametrize("header", ["bytes=x-y", "lines=1-2"])
def test_a_range_that_is_not_understood_gets_the_whole_file(library, video, header):
    url, content = video
    response = library.get(url, headers={"Range": header})
    assert (response.status_code, response.content) == (200, content)


def test_head_has_the_headers_of_get_and_no_body(library, video):
    url, content = video
    response = library.request("HEAD", url)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-length"] == str(len(content))
    part = library.request("HEAD", url, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.headers["content-length"]) == (200, str(len(content)))


def test_what_the_client_has_already_is_a_304(library, video):
    url, _ = video
    first = library.get(url)
    for headers in (
        {"If-None-Match": first.headers["etag"]},
        {"If-None-Match": f'"other", W/{first.headers["etag"]}'},
        {"If-None-Match": "*"},
        {"If-Modified-Since": first.headers["last-modified"]},
    ):
        response = library.get(url, headers=headers)
        assert (response.status_code, response.content) == (304, b"")
    assert library.get(url, headers={"If-None-Match": '"other"'}).status_code == 200
    assert library.get(url, headers={"If-Modified-Since": "yesterday"}).status_code == 200


def test_if_range_gives_the_part_of_the_same_file_and_the_whole_of_another(library, video):
    url, content = video
    etag = library.get(url).headers["etag"]
    assert library.get(url, headers={"Range": "bytes=0-9", "If-Range": etag}).status_code == 206
    other = library.get(url, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (other.status_code, other.content) == (200, content)


def test_a_thumbnail_is_a_small_jpeg_that_may_be_kept_for_ever(library):
    url = library.asset("beach.jpg")["media_metadata"]["thumbnail_url"]
    response = library.get(url)
    assert response.status_code == 200
    assert response.headers["content-type"] == "image/jpeg"
    assert "immutable" in response.headers["cache-control"]
    with Image.open(BytesIO(response.content)) as image:
        assert (image.format, image.size) == ("JPEG", (400, 300))
    assert library.get("/api/v1" + url).content == response.content
    assert library.get(url, headers={"If-None-Match": response.headers["etag"]}).status_code == 304


def test_a_thumbnail_is_found_by_the_number_of_its_asset_too(library):
    asset = library.asset("trips/train.mp4")
    response = library.get(f"/thumbnails/{asset['id']}.jpg")
    assert response.content == library.get(asset["media_metadata"]["thumbnail_url"]).content
    assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "name",
    [
        "none.jpg",
        "0" * 32 + ".jpg",
        "0" * 32 + ".png",
        "99999.jpg",
        "9" * 40 + ".jpg",
        "..%2fmam.db",
        ".jpg",
        "%00.jpg",
    ],
)
def test_a_thumbnail_that_is_not_there_is_a_404(library, name):
    response = library.get(f"/thumbnails/{name}")
    assert response.status_code == 404
    assert "error" in response.json()


def test_too_many_thumbnails_at_once_are_a_429_that_says_when_to_come_back(folder):
    with running_backend(folder) as server, server.client() as client:
        refused = next(
            (answer for _ in range(3000) if (answer := client.get("/thumbnails/none.jpg")).status_code == 429), None
        )
        assert refused is not None
        assert int(refused.headers["retry-after"]) >= 1
        assert "error" in refused.json()


def test_a_thumbnail_that_the_client_has_already_is_not_counted(folder):
    picture(folder / "media" / "a.jpg")
    with running_backend(folder) as server, server.client() as client:
        url = server.wait_until_ready(1)[0]["media_metadata"]["thumbnail_url"]
        tag = {"If-None-Match": client.get(url).headers["etag"]}
        assert {client.get(url, headers=tag).status_code for _ in range(1500)} == {304}
        assert client.get(url).status_code == 200


def open_files(pid: int) -> int:
    return psutil.Process(pid).num_fds()


def test_a_client_that_goes_in_the_middle_leaves_no_file_open(folder):
    clip(folder / "media" / "big.mp4", frames=4)
    os.truncate(folder / "media" / "big.mp4", 200_000_000)  # a sparse tail
    with running_backend(folder) as server:
        number = wait_for(server.assets, "the asset")[0]["id"]
        server.wait_for_status(number, "ready", "failed")
        server.get("/api/v1/health/status")
        before = open_files(server.process.pid)
        for _ in range(5):
            with socket.create_connection(server.address, timeout=5) as connection:
                connection.sendall(f"GET /api/v1/assets/{number}/stream HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        wait_for(lambda: open_files(server.process.pid) <= before, "all files and sockets are closed")


def test_a_file_that_is_gone_is_a_404_about_its_asset(folder):
    picture(folder / "media" / "a.jpg")
    with running_backend(folder) as server:
        asset = server.wait_until_ready(1)[0]
        (server.media / "a.jpg").unlink()
        response = server.get(f"/api/v1/assets/{asset['id']}/stream")
        assert response.status_code == 404
        assert response.json()["context"] == {"asset_id": asset["id"], "stage": "stream"}
