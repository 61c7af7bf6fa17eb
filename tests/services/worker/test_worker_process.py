"""Workers as processes: several at once, told to stop, killed, and what they leave behind."""

import os
import signal
import socket
import sqlite3
import struct
import time
import zlib
from contextlib import ExitStack, closing

import psutil
import pytest
from backend_media import picture
from PIL import Image
from running_backend import outcome, running_backend, wait_for
from running_worker import running_worker

pytestmark = pytest.mark.system

PROCESSING = "/api/v1/health/processing"


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def noise(path, side: int = 2600) -> None:
    """A picture that takes some tenths of a second to decode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise((side, side), 80).save(path, compress_level=1)


def rows(folder, statement: str) -> list[tuple]:
    with closing(sqlite3.connect(folder / "data" / "mam.db")) as connection:
        return connection.execute(statement).fetchall()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_with_0_and_its_decoders_with_it(folder, number):
    with running_worker(folder, WORKER_DECODERS="2") as worker:
        decoders = wait_for(lambda: pids if len(pids := worker.decoders()) == 2 else None, "two decoders")
        worker.process.send_signal(number)
        assert worker.process.wait(5) == 0
        wait_for(lambda: all(is_gone(pid) for pid in decoders), "the decoders are gone")
    assert not worker.said("Traceback")
    assert worker.said("stopped")
    assert rows(folder, "SELECT * FROM workers") == []
    assert list((folder / "data" / "workers").iterdir()) == []


def test_it_tells_the_supervisor_when_it_is_ready_and_that_it_lives(folder):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        address = str(folder / "notify")
        listener.bind(address)
        listener.settimeout(15)
        with running_worker(folder, wait=False, NOTIFY_SOCKET=address) as worker:
            assert listener.recv(100).startswith(b"READY=1")
            assert listener.recv(100) == b"WATCHDOG=1"
            worker.stop()
            said = b""
            while b"STOPPING" not in said:
                said = listener.recv(100)


def test_what_is_in_hand_is_finished_before_it_stops(folder):
    noise(folder / "media" / "a.png")
    with running_worker(folder) as worker:
        wait_for(lambda: rows(folder, "SELECT 1 FROM jobs WHERE state = 'running'"), "a job is in hand")
        assert worker.stop() == 0
    assert rows(folder, "SELECT 1 FROM jobs WHERE state = 'running'") == []
    assert rows(folder, "SELECT sum(lost) FROM jobs") in ([(0,)], [(None,)])


def test_a_grace_period_of_nothing_cuts_the_file_off_and_queues_it_again(folder):
    noise(folder / "media" / "a.png", 4000)
    with running_worker(folder, WORKER_GRACE="0") as worker:
        wait_for(
            lambda: rows(folder, "SELECT 1 FROM jobs WHERE state = 'running' AND kind = 'thumbnail'"),
            "a thumbnail is drawn",
        )
        started = time.monotonic()
        assert worker.stop() == 0
        assert time.monotonic() - started < 3
    assert rows(folder, "SELECT state, attempts, lost FROM jobs") == [("queued", 0, 0)]


def test_a_kill_in_the_middle_loses_nothing_and_doubles_nothing(folder):
    for number in range(8):
        noise(folder / "media" / f"{number}.png", 900 + number)
    with running_backend(folder, worker=False) as server:
        for _ in range(3):
            with running_worker(folder, WORKER_DECODERS="2") as worker:
                wait_for(lambda: rows(folder, "SELECT 1 FROM jobs WHERE state = 'running'"), "a job is in hand")
                decoders = worker.decoders()
                worker.kill()
                wait_for(lambda pids=decoders: all(is_gone(pid) for pid in pids), "its decoders are gone")
        with running_worker(folder, WORKER_DECODERS="2"):
            server.wait_until_ready(8)
    ready = rows(
        folder,
        "SELECT count(*), count(DISTINCT asset_id) FROM events WHERE status = 'ready' AND type = 'processing_update'",
    )
    assert ready == [(8, 8)]
    assert rows(folder, "SELECT count(*) FROM media_assets") == [(8,)]


def test_several_workers_share_the_work_and_one_takes_over_from_the_dead(folder):
    with running_backend(folder, worker=False) as server, ExitStack() as stack:
        workers = [stack.enter_context(running_worker(folder)) for _ in range(3)]
        for number in range(30):
            picture(folder / "media" / f"{number}.png", (1200, 900 + number))
        server.request("POST", "/api/v1/scan")
        wait_for(lambda: server.get(PROCESSING).json()["active"] > 0, "work has begun")
        workers[0].kill()
        server.wait_until_ready(30)
        processing = wait_for(
            lambda: body if len((body := server.get(PROCESSING).json())["workers"]) == 2 else None, "two are left"
        )
        assert {entry["pid"] for entry in processing["workers"]} == {worker.pid for worker in workers[1:]}
        # Whoever had the folder: somebody has it now.
        picture(folder / "media" / "late.png")
        server.request("POST", "/api/v1/scan")
        server.wait_until_ready(31)
    ready = rows(folder, "SELECT count(*) FROM events WHERE status = 'ready' AND type = 'processing_update'")
    assert ready == [(31,)]


def test_a_worker_that_stands_still_loses_its_jobs_and_its_results_do_not_count(folder):
    noise(folder / "media" / "a.png", 3600)
    with running_backend(folder, worker=False) as server, running_worker(folder) as still:
        wait_for(lambda: rows(folder, "SELECT 1 FROM jobs WHERE state = 'running'"), "a job is in hand")
        os.kill(still.pid, signal.SIGSTOP)
        try:
            with closing(sqlite3.connect(folder / "data" / "mam.db")) as connection, connection:
                connection.execute("UPDATE jobs SET lease_until = 0 WHERE state = 'running'")
            with running_worker(folder):
                server.wait_until_ready(1)
        finally:
            os.kill(still.pid, signal.SIGCONT)
        wait_for(lambda: server.get(PROCESSING).json()["active"] == 0, "all is done")
    ready = rows(folder, "SELECT count(*) FROM events WHERE status = 'ready' AND type = 'processing_update'")
    assert ready == [(1,)]


def test_reset_db_is_refused_beside_a_worker(folder):
    with running_worker(folder):
        code, _, complaint = outcome(folder, "-m", "services.backend", "reset-db", "--yes")
        assert (code, "stop the workers" in complaint) == (1, True)
    assert outcome(folder, "-m", "services.backend", "reset-db", "--yes")[0] == 0


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"WORKER_DECODERS": "0"}, "WORKER_DECODERS"),
        ({"WORKER_GRACE": "soon"}, "WORKER_GRACE"),
        ({"WORKER_RETRY_DELAY": "-1"}, "WORKER_RETRY_DELAY"),
        ({"MEDIA_WATCH": "?"}, "1 or 0"),
    ],
)
def test_bad_settings_are_an_error_of_usage(folder, settings, says):
    code, _, complaint = outcome(folder, "-m", "services.worker", **settings)
    assert (code, complaint.count("\n")) == (2, 1)
    assert says in complaint


def test_a_damaged_database_is_an_error_with_a_way_out(folder):
    (folder / "data").mkdir()
    (folder / "data" / "mam.db").write_bytes(b"no database " * 1000)
    code, _, complaint = outcome(folder, "-m", "services.worker")
    assert (code, "reset-db" in complaint) == (1, True)


def test_a_locked_database_is_waited_for(folder):
    picture(folder / "media" / "a.jpg")
    with running_backend(folder) as server:
        server.wait_until_ready(1)
        with closing(sqlite3.connect(folder / "data" / "mam.db", isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            picture(folder / "media" / "b.jpg")
            wait_for(lambda: server.said("in trouble"), "it says so", 20)
            connection.execute("ROLLBACK")
        server.request("POST", "/api/v1/scan")
        server.wait_until_ready(2)


def test_the_media_folder_may_be_read_only(folder):
    picture(folder / "media" / "a.jpg")
    for path in (folder / "media" / "a.jpg", folder / "media"):
        path.chmod(0o555)
    try:
        with running_backend(folder, MEDIA_SAMPLES="1", MEDIA_WATCH="1") as server:
            server.wait_until_ready(1)
            assert server.get("/api/v1/health/status").json()["status"] == "healthy"
    finally:
        (folder / "media").chmod(0o755)


def test_the_lease_of_the_folder_moves_on_while_both_live(folder):
    with running_worker(folder) as first, running_worker(folder) as second:
        watched_by = wait_for(lambda: rows(folder, "SELECT watched_by FROM roots")[0][0], "one has the folder")
        leader, other = (first, second) if watched_by.startswith(f"{first.pid}-") else (second, first)
        assert leader.stop() == 0
        wait_for(
            lambda: (rows(folder, "SELECT watched_by FROM roots")[0][0] or "").startswith(f"{other.pid}-"),
            "the other has it",
        )


def poison(path, side: int = 12_000) -> None:
    """Write a picture of one grey that is small on the disk and takes a decoder a good half second."""
    rows = bytes((side + 1) * 50)
    deflate = zlib.compressobj(1)
    block = deflate.compress(rows) + deflate.flush(zlib.Z_FULL_FLUSH)
    # After a full flush the next block is the same bytes again, but for the two of the head.
    data = block + block[2:] * (side // 50 - 1) + b"\x03\0" + struct.pack(">I", _adler_of_zeros((side + 1) * side))

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b""))


def _adler_of_zeros(size: int) -> int:
    return (size % 65521) << 16 | 1


def test_a_poison_file_is_tried_three_times_fails_with_a_reason_and_holds_up_nobody(folder):
    poison(folder / "media" / "poison.png")
    with running_backend(folder, WORKER_DECODE_TIMEOUT="0.1", WORKER_RETRY_DELAY="0.1") as server:
        poisoned = wait_for(server.assets, "it is found")[0]["id"]
        picture(folder / "media" / "good.png")
        assert server.add("good.png").status_code == 201
        server.wait_until_ready(1)
        failed = server.wait_for_status(poisoned, "failed")
        assert failed["error"] == "decoding took longer than 0.1 s (3 attempts)"
        assert server.worker.process.poll() is None
        job = server.get("/api/v1/jobs", params={"state": "failed"}).json()["items"][0]
        assert (job["asset_id"], job["attempts"]) == (poisoned, 3)
        assert server.request("POST", f"/api/v1/jobs/{job['id']}/retry").status_code == 202
        server.wait_for_status(poisoned, "extracting", "thumbnailing")
