"""A real backend and worker on a real disk that is full: what is refused, what goes on, what is there afterwards."""

import base64
import json
import os
import signal
import sqlite3
from contextlib import closing

import pytest
from backend_media import picture
from library_client import JPEG
from PIL import Image
from running_backend import outcome, running_backend, wait_for
from running_worker import running_worker
from small_disk import small_disk
from websockets.sync.client import connect

pytestmark = pytest.mark.system

A = "/api/v1/assets"
PROCESSING = "/api/v1/health/processing"
TUS = {"tus-resumable": "1.0.0"}
PIECE = TUS | {"content-type": "application/offset+octet-stream"}
BODY = JPEG + bytes(3_000_000)
FULL = "the disk is full"


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        (disk.folder / "media").mkdir()
        picture(disk.folder / "media" / "a.jpg", (64, 48))
        yield disk


def is_intact(folder) -> bool:
    with closing(sqlite3.connect(folder / "data" / "mam.db")) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def begun(server) -> str:
    """Begin an upload of BODY; return its address."""
    name = base64.b64encode(b"big.jpg").decode()
    headers = TUS | {"upload-length": str(len(BODY)), "upload-metadata": f"filename {name}"}
    return server.request("POST", "/api/v1/uploads", headers=headers).headers["location"]


def sent(server, place: str, content: bytes, *, at: int = 0):
    return server.request("PATCH", place, headers=PIECE | {"upload-offset": str(at)}, content=content)


def assert_full(answer) -> None:
    assert (answer.status_code, answer.json()["error"].partition(";")[0]) == (507, FULL)
    assert set(answer.json()) == {"error", "timestamp"}


def is_caught_drawing(worker, server, asset: int) -> bool:
    """Whether the worker stands still now, with a thumbnail under way and nothing of the journal left to write over."""
    os.kill(worker.pid, signal.SIGSTOP)
    jobs = server.get("/api/v1/jobs?state=running&kind=thumbnail").json()["items"]
    with closing(sqlite3.connect(server.data / "mam.db")) as connection:
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    caught = asset in [job["asset_id"] for job in jobs] and not busy
    if not caught:
        os.kill(worker.pid, signal.SIGCONT)
    return caught


WRITES = [
    ("POST", A, {"file_path": "b.jpg"}),
    ("PATCH", f"{A}/1", {"title": "Another", "tags": ["new"]}),
    ("DELETE", f"{A}/1", None),
    ("POST", f"{A}/bulk", {"action": "rate", "rating": 5, "ids": [1]}),
    ("POST", f"{A}/1/reprocess", None),
    ("POST", "/api/v1/collections", {"name": "Some"}),
    ("POST", "/api/v1/scan", {}),
    ("POST", "/api/v1/jobs/pause", None),
]


def test_what_would_write_is_a_507_and_reading_goes_on(disk):
    with running_backend(disk.folder) as server, connect(server.ws, proxy=None) as live:
        server.wait_until_ready(1)
        picture(server.media / "b.jpg", (64, 49))
        before, asset = disk.files(), server.asset("a.jpg")
        disk.fill()
        for method, path, body in WRITES:
            assert_full(server.request(method, path, json=body))
        assert server.get(f"{A}/1").json() == asset
        assert server.get(f"{A}/1/stream").content == (server.media / "a.jpg").read_bytes()
        assert server.get(asset["media_metadata"]["thumbnail_url"]).status_code == 200
        live.send(json.dumps({"type": "ping"}))
        while json.loads(live.recv(timeout=5))["type"] != "pong":
            pass
        health = server.get("/api/v1/health/status")
        assert (health.status_code, health.json()["status"]) == (200, "degraded")
        assert health.json()["services"]["file_system"] is False
        assert (server.get(PROCESSING).status_code, FULL in server.get(PROCESSING).json()["reason"]) == (503, True)
        disk.free()
        assert disk.files() == before
        answers = [server.request(method, path, json=body).status_code for method, path, body in WRITES[:3]]
        assert answers == [201, 200, 204]
        wait_for(lambda: server.get(PROCESSING).status_code == 200, "the queue is well again")
        server.wait_until_ready(1)
        assert not server.said("Traceback")
    assert is_intact(disk.folder)


def test_a_piece_that_finds_no_room_leaves_what_counts_and_goes_on_later(disk):
    with running_backend(disk.folder, worker=False) as server:
        place = begun(server)
        assert sent(server, place, BODY[:100_000]).status_code == 204
        part = next((server.media / "uploads" / ".parts").iterdir())
        disk.fill(but=1 << 20)  # so that a part of the piece has room, and the rest has none
        assert_full(sent(server, place, BODY[100_000:], at=100_000))
        arrived = server.get(place, headers=TUS).json()["offset"]
        assert part.stat().st_size == arrived
        disk.free()
        assert sent(server, place, BODY[arrived:], at=arrived).status_code == 204
        assert server.get(f"{A}/1/stream").content == BODY
    assert is_intact(disk.folder)


def test_an_upload_whose_asset_has_no_room_is_asked_for_again_and_is_there_once(disk):
    with running_backend(disk.folder, worker=False) as server:
        place = begun(server)
        part = next((server.media / "uploads" / ".parts").iterdir())
        assert sent(server, place, BODY[:-1]).status_code == 204
        # The last byte has room where the others end; the database, which has to know of it, has none.
        disk.fill()
        assert_full(sent(server, place, BODY[-1:], at=len(BODY) - 1))
        assert part.stat().st_size == len(BODY) - 1
        disk.free()
        assert sent(server, place, BODY[-1:], at=len(BODY) - 1).status_code == 204
        assert [asset["title"] for asset in server.assets()] == ["Big"]


def test_a_form_that_finds_no_room_on_its_way_leaves_nothing(disk):
    with running_backend(disk.folder, worker=False) as server:
        before, parts = disk.files(), server.media / "uploads" / ".parts"
        head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="big.jpg"\r\n\r\n'
        form = head + BODY + b"\r\n--x--\r\n"

        def body():
            yield form[:1_000_000]
            wait_for(lambda: parts.is_dir() and any(part.stat().st_size for part in parts.iterdir()), "it arrives")
            disk.fill()
            yield form[1_000_000:]

        headers = {"content-type": "multipart/form-data; boundary=x", "content-length": str(len(form))}
        assert_full(server.request("POST", A, headers=headers, content=body()))
        wait_for(lambda: not any(parts.iterdir()), "nothing of it is kept")
        disk.free()
        assert disk.files() == before
        assert server.request("POST", A, files={"file": ("big.jpg", BODY)}).status_code == 201


def test_a_worker_that_starts_on_a_full_disk_waits_for_room_and_then_does_what_is_due(disk):
    with running_backend(disk.folder, worker=False) as server:
        assert server.add("a.jpg").status_code == 201
        disk.fill()
        with running_worker(disk.folder) as worker:
            wait_for(lambda: worker.said("in trouble"), "it says what is wrong")
            assert FULL in server.get(PROCESSING).json()["reason"]
            disk.free()
            server.wait_until_ready(1)
            wait_for(lambda: server.get(PROCESSING).json()["workers"], "it is listed")
            told = [line for line in worker.lines if "in trouble" in line]
            assert len(told) <= 3, "each part says it once"
            assert not worker.said("Traceback")
        ready = [event for event in server.get("/api/v1/events?since=0").json()["events"]
                 if event["type"] == "processing_update" and event["data"]["status"] == "ready"]  # fmt: skip
        assert len(ready) == 1
    assert is_intact(disk.folder)


def test_a_result_that_finds_no_room_is_no_result_and_the_job_is_done_again(disk):
    Image.effect_noise((4000, 4000), 80).save(disk.folder / "media" / "slow.png", compress_level=1)
    with running_backend(disk.folder, worker=False) as server:
        slow = server.add("slow.png").json()["id"]
        with running_worker(disk.folder) as worker:
            wait_for(lambda: is_caught_drawing(worker, server, slow), "it is drawn")
            disk.fill()
            os.kill(worker.pid, signal.SIGCONT)
            wait_for(lambda: worker.said("in trouble"), "what was drawn cannot be stored")
            assert server.get(f"{A}/{slow}").json()["status"] == "thumbnailing"
            disk.free()
            assert server.wait_for_status(slow, "ready", "failed")["status"] == "ready"
            assert [path for path in disk.files() if path.endswith(".part")] == []
        with closing(sqlite3.connect(disk.folder / "data" / "mam.db")) as connection:
            told = "SELECT count(*) FROM events WHERE asset_id = ? AND status = 'ready' AND type = 'processing_update'"
            assert connection.execute(told, (slow,)).fetchone() == (1,)
    assert is_intact(disk.folder)


def test_thumbnails_without_room_wait_and_nothing_half_drawn_is_kept(tmp_path):
    (tmp_path / "media").mkdir()
    with (
        small_disk(tmp_path / "data" / "thumbnails", mebibytes=1) as disk,
        running_backend(tmp_path, worker=False) as server,
    ):
        # Made before there is no room left, so that it is the picture that has none and not its folder.
        for name in range(256):
            (disk.folder / f"{name:02x}").mkdir()
        disk.fill(but=4096)
        for number in range(6):
            picture(server.media / f"{number}.jpg", (800, 600 + number))
            assert server.add(f"{number}.jpg").status_code == 201
        with running_worker(tmp_path):
            health = wait_for(lambda: (answer := server.get(PROCESSING)).status_code == 503 and answer, "it is told")
            assert "thumbnails cannot be written: No space left on device" in health.json()["reason"]
            wait_for(lambda: not list(disk.folder.rglob("*.part")), "nothing half drawn is left")
            disk.free()
            server.wait_until_ready(6)


def test_a_backend_that_is_killed_on_a_full_disk_comes_back_to_serve_what_is_there(disk):
    with running_backend(disk.folder, worker=False) as server:
        server.add("a.jpg")
        disk.fill()
        server.process.kill()
        server.process.wait(5)
        with running_backend(disk.folder, worker=False) as again:
            assert [asset["file_path"] for asset in again.assets()] == ["a.jpg"]
            assert_full(again.request("PATCH", f"{A}/1", json={"title": "Another"}))


def test_a_start_that_needs_room_says_so_and_does_not_advise_a_reset(disk):
    with running_backend(disk.folder, worker=False) as server:
        server.add("a.jpg")
    disk.fill()
    for service in ("services.backend", "services.worker"):
        code, _, complaint = outcome(disk.folder, "-m", service)
        assert (code, "make room" in complaint, "reset-db" in complaint) == (1, True, False)
    disk.free()
    assert os.path.getsize(disk.folder / "data" / "mam.db")
    with running_backend(disk.folder, worker=False) as server:
        assert len(server.assets()) == 1
