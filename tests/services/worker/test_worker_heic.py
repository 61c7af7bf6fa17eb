"""Pictures of phones: whole, cut, lying about their size, called what they are not."""

import os
import random
from io import BytesIO

import pytest
from heic import TURNED, claiming
from PIL import Image
from running_backend import running_backend, wait_for

from services.worker.app.decoding import stills
from services.worker.app.decoding.decoder import DecodeFailed, Decoder, DecoderLost
from services.worker.app.decoding.unreadable import Unreadable

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def decoder():
    made = Decoder()
    yield made
    made.close()


@pytest.fixture
def ask(decoder, tmp_path):
    def asked(content: bytes, name: str = "describe"):
        path = tmp_path / "a.heic"
        path.write_bytes(content)
        descriptor = os.open(path, os.O_RDONLY)
        try:
            return decoder.request(name, descriptor=descriptor, demuxer="HEIF")
        finally:
            os.close(descriptor)

    return asked


def test_it_is_described_as_a_person_sees_it(ask):
    figures, _ = ask(TURNED)
    assert figures == {"width": 64, "height": 96, "codec": "hevc", "taken_at": "2025-07-14T18:30:05"}


def test_its_thumbnail_is_upright_and_tells_nothing_but_pixels(decoder, ask):
    value, content = ask(TURNED, "thumbnail")
    assert decoder.is_sealed  # so libheif needs no file, socket or program any more
    picture = Image.open(BytesIO(content))
    assert picture.size == (64, 96)
    above, below = picture.getpixel((32, 10)), picture.getpixel((32, 86))
    assert above[0] > above[2]
    assert below[2] > below[0]
    assert not picture.getexif()
    assert value["thumbhash"]


def test_a_sprite_of_it_is_refused(ask):
    with pytest.raises(DecodeFailed, match="nothing to scrub"):
        ask(TURNED, "sprite")


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (66_000, 2)])
def test_a_size_that_is_too_large_is_refused_by_the_header(ask, width, height):
    for name in ("describe", "thumbnail"):
        with pytest.raises(DecodeFailed, match=r"too large|header"):
            ask(claiming(width, height), name)


def test_a_header_that_lies_about_the_size_is_refused_where_the_pixels_come(ask):
    with pytest.raises(DecodeFailed, match="cannot be decoded"):
        ask(claiming(2000, 2000), "thumbnail")


@pytest.mark.parametrize("length", [0, 11, 28, 200, 400, 500, 600, len(TURNED) - 1])
def test_a_file_that_is_cut_is_refused(ask, length):
    with pytest.raises(DecodeFailed):
        ask(TURNED[:length], "thumbnail")


def test_a_file_with_wrong_bytes_never_ends_the_decoder(decoder, ask):
    chance, before = random.Random(3), decoder.pid
    for _ in range(300):
        content = bytearray(TURNED)
        for _ in range(chance.randrange(1, 6)):
            content[chance.randrange(12, len(content))] = chance.randrange(256)
        for name in ("describe", "thumbnail"):
            try:
                ask(bytes(content), name)
            except DecodeFailed:
                continue
            except DecoderLost as error:
                pytest.fail(f"the decoder is lost: {error}")
    assert decoder.pid == before


def test_a_picture_that_would_be_read_whole_may_not_be_endless(tmp_path, monkeypatch):
    monkeypatch.setattr(stills, "MAX_WHOLE_BYTES", 1 << 20)
    (tmp_path / "a.heic").write_bytes(TURNED)
    os.truncate(tmp_path / "a.heic", (1 << 20) + 1)
    with (tmp_path / "a.heic").open("rb") as file, pytest.raises(Unreadable, match="at most 1 MiB"):
        stills.describe_still(file, "HEIF")


def test_a_phones_folder_becomes_a_library(folder):
    (folder / "media" / "IMG_0001.HEIC").write_bytes(TURNED)
    (folder / "media" / "b.heif").write_bytes(TURNED + b"\0\0\0\x08free")
    Image.new("RGB", (9, 9)).save(folder / "media" / "really.jpg")
    (folder / "media" / "really.jpg").rename(folder / "media" / "jpeg.heic")
    (folder / "media" / "cut.heic").write_bytes(TURNED[:-50])
    with running_backend(folder, MEDIA_TYPES_EXTRA=".heic .heif") as server:
        ready = server.wait_until_ready(2)
        assert {asset["file_path"]: asset["mime_type"] for asset in ready} == {
            "IMG_0001.HEIC": "image/heic",
            "b.heif": "image/heif",
        }
        assert {asset["taken_at"] for asset in ready} == {"2025-07-14T18:30:05"}
        assert server.get(ready[0]["media_metadata"]["thumbnail_url"]).headers["content-type"] == "image/jpeg"
        stream = server.get(f"/api/v1/assets/{server.asset('IMG_0001.HEIC')['id']}/stream")
        assert (stream.headers["content-type"], stream.content) == ("image/heic", TURNED)
        failed = wait_for(lambda: found if len(found := server.assets(status="failed")) == 2 else None, "two failed")
        reasons = {asset["file_path"]: asset["error"] for asset in failed}
        assert reasons["jpeg.heic"] == "the content is not HEIC, as the file's name says"
        assert "cannot be decoded" in reasons["cut.heic"] or "header" in reasons["cut.heic"]
