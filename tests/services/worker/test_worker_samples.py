import pytest
from backend_media import picture
from running_backend import running_backend, wait_for
from running_worker import running_worker

from services.worker.app.scanning.sample_library import NAMES

pytestmark = pytest.mark.system

SIX = 6
DRAWN_S = 45.0
"""All six take some ten seconds of a processor, which others may need too."""


def test_an_empty_media_folder_is_filled_once_with_six_different_media(folder):
    with running_backend(folder, MEDIA_SAMPLES="1") as server:
        assets = server.wait_until_ready(SIX, DRAWN_S)
        assert {asset["file_path"] for asset in assets} == set(NAMES)
        assert len({asset["title"] for asset in assets}) == SIX
        assert [asset["type"] for asset in assets].count("video") == 3
        durations = [asset["media_metadata"].get("duration") for asset in assets if asset["type"] == "video"]
        assert durations == pytest.approx([2.0] * 3, abs=0.1)
        assert len({asset["media_metadata"]["thumbnail_url"] for asset in assets}) == SIX
        for path in server.media.iterdir():
            path.unlink()
        server.worker.stop()
        with running_worker(folder, MEDIA_SAMPLES="1"):
            wait_for(lambda: {asset["status"] for asset in server.assets()} == {"offline"}, "the scan is over")
            assert list(server.media.iterdir()) == []


def test_a_folder_that_has_something_gets_no_samples_ever(folder):
    picture(folder / "media" / "mine.jpg")
    with running_backend(folder, MEDIA_SAMPLES="1") as server:
        server.wait_until_ready(1)
    (folder / "media" / "mine.jpg").unlink()
    with running_backend(folder, MEDIA_SAMPLES="1") as server:
        wait_for(lambda: server.assets(status="offline"), "the scan is over")
        assert list(server.media.iterdir()) == []


def test_samples_that_were_cut_short_are_completed_at_the_next_start_and_none_is_drawn_twice(folder):
    with running_worker(folder, MEDIA_SAMPLES="1") as worker:
        wait_for((folder / "media" / NAMES[0]).exists, "the first sample")
        worker.kill()
    there = [name for name in NAMES if (folder / "media" / name).exists()]
    assert 0 < len(there) < SIX
    for name in NAMES[2:]:  # as if it had been cut short later: two take their time, six are not needed
        (folder / "media" / name).write_bytes(b"in place")
    (folder / "media" / NAMES[1]).unlink(missing_ok=True)
    before = (folder / "media" / NAMES[0]).stat().st_mtime_ns
    with running_worker(folder, MEDIA_SAMPLES="1") as worker:
        wait_for(lambda: (folder / "data" / "samples.marker").read_text() == "done\n", "they are complete", DRAWN_S)
        assert (folder / "media" / NAMES[1]).stat().st_size > 1000
        assert (folder / "media" / NAMES[0]).stat().st_mtime_ns == before
        assert (folder / "media" / NAMES[2]).read_bytes() == b"in place"
        wait_for(lambda: worker.said(f"the sample {NAMES[1]} is made"), "its log says so")
        assert not any(worker.said(f"the sample {name} is made") for name in NAMES if name != NAMES[1])


def test_a_missing_media_folder_of_a_new_library_is_made(folder):
    (folder / "media").rmdir()
    with running_backend(folder, MEDIA_SAMPLES="1") as server:
        server.wait_until_ready(1)


def test_a_missing_media_folder_of_an_old_library_is_not_made(folder):
    picture(folder / "media" / "a.jpg")
    with running_backend(folder) as server:
        server.wait_until_ready(1)
    (folder / "media").rename(folder / "unmounted")
    with running_backend(folder, MEDIA_SAMPLES="1") as server:
        wait_for(lambda: server.said("media folder is not there"), "it says so")
        assert not server.media.exists()
        assert server.assets()[0]["status"] == "ready"
