"""What the decoder reads beside the plain case, and what it may not do."""

import base64
import math
import os
import subprocess
import sys
import time
from io import BytesIO
from types import SimpleNamespace

import av
import psutil
import pytest
from backend_media import clip, picture, turned
from PIL import Image
from running_backend import REPOSITORY

from services.backend.app.models.asset import Status
from services.backend.app.models.job import Kind
from services.worker.app.decoding import stills
from services.worker.app.decoding.decoder import DecodeFailed, Decoder, DecoderLost, DecoderMissing
from services.worker.app.decoding.stills import describe_still, jpeg_of, small_still
from services.worker.app.decoding.thumbhash import thumbhash
from services.worker.app.decoding.video import describe_video, scrub_sheet, small_video
from services.worker.app.work.processor import Processor, Trouble


def average_of(mark: bytes) -> tuple[int, int, int]:
    """The mean colour that a ThumbHash carries, read as its description says."""
    header = mark[0] | mark[1] << 8 | mark[2] << 16
    light, yellow, magenta = (header & 63) / 63, (header >> 6 & 63) / 31.5 - 1, (header >> 12 & 63) / 31.5 - 1
    blue = light - 2 / 3 * yellow
    red = (3 * light - blue + magenta) / 2
    return tuple(round(255 * min(max(part, 0), 1)) for part in (red, red - magenta, blue))


@pytest.mark.parametrize(
    "colour", [(255, 0, 0), (0, 255, 0), (20, 40, 200), (255, 255, 255), (0, 0, 0), (128, 128, 128)]
)
def test_a_thumbhash_carries_the_mean_colour(colour):
    found = average_of(thumbhash(Image.new("RGB", (64, 48), colour)))
    assert all(math.isclose(one, other, abs_tol=12) for one, other in zip(found, colour, strict=True))


@pytest.mark.parametrize(
    ("size", "length"), [((100, 100), 24), ((400, 300), 23), ((300, 400), 23), ((400, 100), 17), ((1, 1), 24)]
)
def test_a_thumbhash_is_about_25_bytes(size, length):
    assert abs(len(thumbhash(Image.effect_noise(size, 60).convert("RGB"))) - length) <= 4


def test_a_thumbhash_is_that_of_the_reference():
    # Computed by rgbaToThumbHash of the npm package thumbhash 0.1.1 from the same 4 x 2 pixels.
    pixels = bytes([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 128, 128, 128, 255, 255, 0, 0, 255, 255])
    assert base64.b64encode(thumbhash(Image.frombytes("RGB", (4, 2), pixels))).decode() == REFERENCE


REFERENCE = "XsgVTJiAdXqIe4eHiHdfxfe7hg=="


def test_the_camera_tells_when_a_picture_was_taken():
    exif, file = Image.Exif(), BytesIO()
    exif.get_ifd(0x8769)[0x9003] = "2019:07:21 18:04:59"
    Image.new("RGB", (8, 8)).save(file, "JPEG", exif=exif)
    assert describe_still(file, "JPEG")["taken_at"] == "2019-07-21T18:04:59"


@pytest.mark.parametrize("date", ["0000:00:00 00:00:00", "yesterday", "2019:17:21 18:04:59", ""])
def test_a_date_that_cannot_be_is_none(date):
    exif, file = Image.Exif(), BytesIO()
    exif.get_ifd(0x8769)[0x9003] = date
    Image.new("RGB", (8, 8)).save(file, "JPEG", exif=exif)
    assert describe_still(file, "JPEG")["taken_at"] is None


def test_a_thumbnail_has_pixels_and_nothing_else():
    exif, file = Image.Exif(), BytesIO()
    exif.get_ifd(0x8825)[1] = "N"
    Image.new("RGB", (900, 600)).save(file, "JPEG", exif=exif, comment=b"secret", icc_profile=b"profile")
    small = Image.open(BytesIO(jpeg_of(small_still(file, "JPEG"))))
    assert small.size == (400, 267)
    assert not small.getexif()
    assert not {"comment", "icc_profile", "exif"} & set(small.info)


def test_a_video_tells_when_it_was_taken(tmp_path):
    for stamp, expected in (("2021-03-04T05:06:07Z", "2021-03-04T05:06:07Z"), ("1904-01-01T00:00:00Z", None)):
        with av.open(str(tmp_path / "a.mp4"), "w") as output:
            output.metadata["creation_time"] = stamp
            stream = output.add_stream("libx264", rate=24)
            stream.width = stream.height = 64
            stream.pix_fmt = "yuv420p"
            output.mux(stream.encode(av.VideoFrame.from_image(Image.new("RGB", (64, 64)))))
            output.mux(stream.encode(None))
        with open(tmp_path / "a.mp4", "rb") as file:
            assert describe_video(file, "mov")["taken_at"] == expected


def test_of_a_video_that_lies_on_its_side_the_picture_tells_how_it_is_shown(tmp_path):
    path = clip(tmp_path / "a.mp4", size=(64, 48))
    with open(path, "rb") as file:
        small, shown = small_video(file, "mov")
    assert (small.size, shown) == ((64, 48), {})
    with open(turned(path), "rb") as file:
        small, shown = small_video(file, "mov")
    assert (small.size, shown) == ((48, 64), {"width": 48, "height": 64})


def test_a_sheet_has_a_tile_for_each_key_frame_that_was_met(tmp_path):
    with open(clip(tmp_path / "a.mp4", frames=24 * 30), "rb") as file:
        sheet, places = scrub_sheet(file, "mov")
    assert places["times"] == sorted(set(places["times"]))
    assert places["times"][0] == 0.0
    assert sheet.width <= 5 * places["width"]
    assert sheet.height == -(-len(places["times"]) // 5) * places["height"]


@pytest.mark.parametrize(
    ("width", "height", "fits"), [(25_000, 20_000, True), (25_000, 20_001, False), (65_501, 10, False)]
)
def test_the_bound_of_pixels_is_that_of_the_header(monkeypatch, width, height, fits):
    monkeypatch.setattr(stills, "open_still", lambda *_: None)
    if fits:
        stills.check_size(width, height, "picture")
        return
    with pytest.raises(stills.Unreadable, match="too large"):
        stills.check_size(width, height, "picture")


SEALED = """
import os, socket, subprocess, sys
from services.worker.app.decoding.confinement import limit, seal
limit()
assert seal()
tries = {
    "open": lambda: os.open("/etc/hostname", os.O_RDONLY),
    "socket": lambda: socket.socket(),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "kill": lambda: os.kill(os.getppid(), 0),
    "unlink": lambda: os.unlink("/tmp/there-is-no-such-file"),
}
for name, attempt in tries.items():
    try:
        attempt()
    except PermissionError:
        continue
    print(name)
    raise SystemExit(1)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the filter is Linux's seccomp")
def test_a_sealed_process_opens_no_file_no_socket_and_starts_nothing():
    done = subprocess.run(
        [sys.executable, "-c", SEALED], cwd=REPOSITORY, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.system
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the filter is Linux's seccomp")
def test_the_decoder_seals_itself_and_is_replaced_after_many_files(tmp_path):
    decoder = Decoder(files_per_process=2)
    path = picture(tmp_path / "a.png")
    pids = []
    try:
        for _ in range(3):
            descriptor = os.open(path, os.O_RDONLY)
            decoder.request("describe", descriptor=descriptor, demuxer="PNG")
            os.close(descriptor)
            pids.append(decoder.pid)
        assert decoder.is_sealed
        limits = (
            psutil.Process(decoder.pid).rlimit(psutil.RLIMIT_AS),
            psutil.Process(decoder.pid).rlimit(psutil.RLIMIT_CPU),
        )
        assert limits[0][0] == 3 << 30
        assert limits[1][0] < 200
    finally:
        decoder.close()
    assert pids[0] == pids[1] != pids[2]


class FakeDecoder:
    """Answers what it is told to; an exception is raised."""

    def __init__(self, answer) -> None:
        self.answer = answer

    def request(self, name, **_parameters):
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"thumbhash": "x"} if name == "thumbnail" else {}, b"bytes"


class FakeClaims:
    """Notes what was stored."""

    def __init__(self) -> None:
        self.stored: list[str] = []

    def __getattr__(self, name):
        def store(claim, *_values, **_named):
            self.stored.append(name)
            return claim.asset if name in {"fail", "retry", "finish"} else None

        return store


class Disk:
    """A root with one file, and thumbnails that may be full."""

    def __init__(self, path, *, full=False, readable=True) -> None:
        self.path, self.full, self.readable = path, full, readable

    def open(self, _path):
        return os.open(self.path, os.O_RDONLY)

    def place_of(self, path):
        return self, path

    def is_readable(self):
        return self.readable

    def put(self, _content):
        if self.full:
            raise OSError(28, "No space left on device")
        return "0" * 32


def process(tmp_path, answer, *, kind=Kind.THUMBNAIL, age_s=60.0, stopped=False, **disk) -> list[str]:
    path = picture(tmp_path / "a.png")
    opened = disk.pop("path", tmp_path / "gone.png" if disk.pop("gone", False) else path)
    made = Disk(opened, **disk)
    claims, asset = FakeClaims(), SimpleNamespace(id=1, file_path="a.png", status=Status.THUMBNAILING, error=None)
    now = time.time()
    os.utime(path, (now - age_s, now - age_s))
    processor = Processor(made, claims, made, FakeDecoder(answer), clock=lambda: now)
    try:
        processor.process(SimpleNamespace(asset=asset, kind=kind), stopped=lambda: stopped)
    except Trouble as trouble:
        claims.stored.append(str(trouble))
    return claims.stored


def test_what_comes_of_a_job_is_stored_for_what_it_is(tmp_path):
    assert process(tmp_path, None) == ["finish"]
    assert process(tmp_path, None, kind=Kind.METADATA) == ["describe"]
    assert process(tmp_path, None, kind=Kind.SPRITE) == ["finish_sprite"]
    assert process(tmp_path, None, kind=Kind.HASH) == ["finish_hash"]
    assert process(tmp_path, None, kind=Kind.HASH, stopped=True) == ["release"]
    assert process(tmp_path, DecodeFailed("broken")) == ["fail"]
    assert process(tmp_path, DecoderLost("it died")) == ["retry"]
    assert process(tmp_path, DecoderLost("it was closed"), stopped=True) == ["release"]
    assert process(tmp_path, DecoderMissing("no such program")) == ["release", "no such program"]


def test_a_file_that_is_being_written_is_not_called_broken(tmp_path):
    assert process(tmp_path, DecodeFailed("half"), age_s=0.1) == ["release"]


def test_a_full_disk_puts_the_job_back_and_is_trouble(tmp_path):
    assert process(tmp_path, None, full=True) == ["release", "thumbnails cannot be written: No space left on device"]


def test_a_missing_file_is_offline_but_a_missing_disk_is_waited_for(tmp_path):
    assert process(tmp_path, None, gone=True) == ["go_offline"]
    assert process(tmp_path, None, gone=True, readable=False) == ["release"]


def test_what_cannot_be_read_of_a_disk_that_goes_is_not_called_broken(tmp_path):
    assert process(tmp_path, DecodeFailed("the file cannot be read: Input/output error"), readable=False) == ["release"]
    (tmp_path / "closed").symlink_to(tmp_path / "closed")  # cannot be opened, nor is it not there
    assert process(tmp_path, None, path=tmp_path / "closed", readable=False) == ["release"]
    assert process(tmp_path, None, path=tmp_path / "closed") == ["fail"]
