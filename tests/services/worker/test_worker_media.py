"""Files as they come: turned, transparent, moving, broken, hostile."""

import os
import struct
import zlib
from io import BytesIO

import psutil
import pytest
from backend_media import clip, picture, turned
from PIL import Image
from running_backend import running_backend, wait_for

from services.worker.app.decoding.decoder import DecodeFailed, Decoder, DecoderLost, DecoderMissing

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def decoder():
    """One for all who only ask."""
    made = Decoder()
    yield made
    made.close()


@pytest.fixture
def mortal():
    """One for who ends it."""
    made = Decoder()
    yield made
    made.close()


def ask(decoder: Decoder, path, demuxer: str, name: str = "describe"):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return decoder.request(name, descriptor=descriptor, demuxer=demuxer)
    finally:
        os.close(descriptor)


def thumbnail(decoder: Decoder, path, demuxer: str) -> Image.Image:
    _, content = ask(decoder, path, demuxer, "thumbnail")
    image = Image.open(BytesIO(content))
    image.load()
    return image


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mov", "libx264"), ("a.avi", "mpeg4")])
def test_each_kind_of_video_is_described_and_drawn(decoder, tmp_path, name, codec):
    path = clip(tmp_path / name, frames=36, codec=codec)
    demuxer = "avi" if name.endswith("avi") else "mov"
    figures, _ = ask(decoder, path, demuxer)
    assert (figures["width"], figures["height"], figures["fps"]) == (160, 120, 24.0)
    assert figures["duration"] == pytest.approx(1.5, abs=0.1)
    assert thumbnail(decoder, path, demuxer).size == (160, 120)


def test_a_picture_that_lies_on_its_side_is_turned_upright_and_loses_its_position(decoder, tmp_path):
    image = Image.new("RGB", (40, 20), "red")
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[1] = "N"
    image.save(tmp_path / "a.jpg", exif=exif)
    figures, _ = ask(decoder, tmp_path / "a.jpg", "JPEG")
    assert (figures["width"], figures["height"]) == (20, 40)
    small = thumbnail(decoder, tmp_path / "a.jpg", "JPEG")
    assert small.size == (20, 40)
    assert not small.getexif()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1", "I;16", "CMYK"])
def test_pictures_of_every_mode_become_a_thumbnail(decoder, tmp_path, mode):
    name, demuxer = ("a.jpg", "JPEG") if mode == "CMYK" else ("a.png", "PNG")
    Image.new(mode, (30, 20)).save(tmp_path / name)
    assert thumbnail(decoder, tmp_path / name, demuxer).mode == "RGB"


def png_bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be huge."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 999)) + chunk(b"IEND", b"")
    )


def test_a_decompression_bomb_is_refused_by_its_header(decoder, tmp_path):
    (tmp_path / "bomb.png").write_bytes(png_bomb(60_000, 60_000))
    with pytest.raises(DecodeFailed, match="too large: 60000 x 60000"):
        ask(decoder, tmp_path / "bomb.png", "PNG")


def test_a_playlist_is_not_followed_when_the_demuxer_is_forced(decoder, tmp_path):
    (tmp_path / "list.mp4").write_bytes(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n")
    with pytest.raises(DecodeFailed):
        ask(decoder, tmp_path / "list.mp4", "mov")


def test_an_answer_that_takes_too_long_ends_the_decoder_and_the_next_one_works(tmp_path):
    decoder = Decoder(deadline_s=0.15)
    try:
        with pytest.raises(DecoderLost, match="longer than"):
            decoder.request("sample", sample="aurora-drift.mp4")
        assert decoder.pid is None
        figures, _ = ask(decoder, picture(tmp_path / "a.png"), "PNG")
        assert figures["width"] == 64
    finally:
        decoder.close()


def test_a_decoder_that_is_killed_is_noticed_and_replaced(mortal, tmp_path):
    path = picture(tmp_path / "a.png")
    ask(mortal, path, "PNG")
    first = mortal.pid
    psutil.Process(first).kill()
    wait_for(lambda: psutil.Process(first).status() == psutil.STATUS_ZOMBIE, "it is dead")
    ask(mortal, path, "PNG")
    assert mortal.pid != first


def test_the_decoder_leaves_signals_of_the_group_to_the_backend(mortal, tmp_path):
    path = picture(tmp_path / "a.png")
    ask(mortal, path, "PNG")
    psutil.Process(mortal.pid).terminate()
    first = mortal.pid
    ask(mortal, path, "PNG")
    assert mortal.pid == first


def test_a_closed_decoder_is_not_started_again(mortal):
    mortal.close()
    with pytest.raises(DecoderMissing):
        mortal.request("sample", sample="rose-window.gif")


BROKEN = {
    "empty.jpg": (b"", "empty"),
    "text.png": (b"hello, I am no picture", "not PNG"),
    "head.jpg": (b"\xff\xd8\xff\xe0" + b"\0" * 40, "header"),
    "head.mp4": (b"\0\0\0\x20ftypisom" + b"\0" * 400, ""),
    "list.mp4": (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n", "not MP4"),
    "nothing.mp4": (b"", "empty"),
    "bomb.png": (png_bomb(60_000, 60_000), "too large"),
}


def test_broken_files_fail_with_a_reason_and_hold_up_nobody(folder):
    for name, (content, _) in BROKEN.items():
        (folder / "media" / name).write_bytes(content)
    noise = Image.effect_noise((400, 400), 90)
    noise.save(folder / "media" / "cut.jpg")
    noise.save(folder / "media" / "cut.gif")
    clip(folder / "media" / "cut.mp4", frames=60)
    for name in ("cut.jpg", "cut.gif", "cut.mp4"):
        path = folder / "media" / name
        os.truncate(path, path.stat().st_size // 2)
    picture(folder / "media" / "whole.jpg")
    with running_backend(folder) as server:
        ready = server.wait_until_ready(1)
        assert [asset["file_path"] for asset in ready] == ["whole.jpg"]
        wait_for(lambda: server.get("/api/v1/health/processing").json()["queued"] == 0, "the queue is empty")
        failed = {
            path: server.wait_for_status(server.asset(path)["id"], "failed")["error"]
            for path in (*BROKEN, "cut.jpg", "cut.gif", "cut.mp4")
        }
        assert all(failed.values())
        assert {path for path, (_, says) in BROKEN.items() if says not in failed[path]} == set()
        assert server.get("/api/v1/health/status").json()["status"] == "healthy"
        assert server.get("/api/v1/health/processing").json()["failed"] == len(failed)


def test_a_disk_that_takes_no_thumbnails_is_waited_for(folder):
    picture(folder / "media" / "a.jpg")
    (folder / "data" / "thumbnails").mkdir(parents=True)
    with running_backend(folder, SCAN_INTERVAL="0.1") as server:
        server.wait_until_ready(1)
        thumbnails = server.data / "thumbnails"
        thumbnails.rename(folder / "away")
        thumbnails.write_text("a file where the folder was")
        picture(server.media / "b.jpg", (70, 70))
        wait_for(lambda: server.said("in trouble"), "it says so")
        wait_for(lambda: server.get("/api/v1/health/status").json()["status"] == "degraded", "it is degraded")
        thumbnails.unlink()
        (folder / "away").rename(thumbnails)
        server.wait_until_ready(2)
        wait_for(lambda: server.get("/api/v1/health/status").json()["status"] == "healthy", "it is well again", 1.0)


def test_a_file_that_is_repaired_becomes_ready_by_itself(folder):
    (folder / "media" / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
    with running_backend(folder, SCAN_INTERVAL="0.1") as server:
        asset = wait_for(lambda: server.assets(status="failed"), "it failed")[0]
        picture(server.media / "a.jpg")
        assert server.wait_for_status(asset["id"], "ready")["error"] is None


def test_a_file_that_goes_is_offline_and_ready_again_when_it_returns(folder):
    picture(folder / "media" / "a.jpg")
    with running_backend(folder, SCAN_INTERVAL="0.1") as server:
        asset = server.wait_until_ready(1)[0]
        (server.media / "a.jpg").rename(folder / "a.jpg")
        server.wait_for_status(asset["id"], "offline")
        (folder / "a.jpg").rename(server.media / "a.jpg")
        assert server.wait_for_status(asset["id"], "ready")["id"] == asset["id"]


def test_a_new_file_is_found_without_being_named(folder):
    with running_backend(folder, SCAN_INTERVAL="0.1") as server:
        picture(server.media / "deep" / "er" / "new.png")
        assert server.wait_until_ready(1)[0]["file_path"] == "deep/er/new.png"


def test_a_video_that_lies_on_its_side_is_listed_with_the_size_that_it_is_shown_with(folder):
    turned(clip(folder / "media" / "phone.mp4", size=(64, 48)))
    with running_backend(folder) as server:
        figures = server.wait_until_ready(1)[0]["media_metadata"]
        assert (figures["width"], figures["height"]) == (48, 64)
        with Image.open(BytesIO(server.get(figures["thumbnail_url"]).content)) as small:
            assert small.size == (48, 64)


def test_types_that_were_asked_for_are_found_read_and_drawn(folder):
    for name in ("a.webp", "b.avif"):
        picture(folder / "media" / name, (64, 48))
    clip(folder / "media" / "c.m4v")
    clip(folder / "media" / "d.mkv")
    clip(folder / "media" / "e.webm", codec="libvpx", frames=6)
    with running_backend(folder, MEDIA_TYPES_EXTRA="webp avif m4v mkv webm") as server:
        ready = server.wait_until_ready(5)
        assert {asset["mime_type"] for asset in ready} == {
            "image/webp", "image/avif", "video/x-m4v", "video/x-matroska", "video/webm",
        }  # fmt: skip
        assert all(asset["media_metadata"]["width"] for asset in ready)
        assert server.get(ready[0]["media_metadata"]["thumbnail_url"]).status_code == 200


def test_types_that_were_not_asked_for_are_left_alone(folder):
    picture(folder / "media" / "a.webp", (64, 48))
    picture(folder / "media" / "b.png", (64, 48))
    with running_backend(folder) as server:
        server.wait_until_ready(1)
        assert [asset["file_path"] for asset in server.assets()] == ["b.png"]
        assert server.add("a.webp").status_code == 400


def test_media_of_a_further_folder_are_found_read_drawn_and_streamed(folder):
    picture(folder / "archive" / "old" / "a.png", (64, 48))
    picture(folder / "media" / "a.png", (32, 24))
    with running_backend(folder, ALLOWED_DIRS=f"archive={folder / 'archive'}") as server:
        server.wait_until_ready(2)
        old = server.asset("@archive/old/a.png")
        assert old["media_metadata"]["width"] == 64
        assert server.get(old["media_metadata"]["thumbnail_url"]).status_code == 200
        stream = server.get(f"/api/v1/assets/{old['id']}/stream")
        assert stream.content == (folder / "archive" / "old" / "a.png").read_bytes()
        names = [root["name"] for root in server.get("/api/v1/health/processing").json()["roots"]]
        assert names == [None, "archive"]
        (folder / "archive").rename(folder / "unmounted")
        server.request("POST", "/api/v1/scan")
        wait_for(lambda: server.get("/api/v1/health/status").json()["status"] == "degraded", "health says so")
        assert {asset["status"] for asset in server.assets()} == {"ready"}
        assert server.get(f"/api/v1/assets/{old['id']}/stream").status_code == 404
