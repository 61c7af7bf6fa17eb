"""Starting, stopping, dying, and what lies around afterwards."""

import os
import shutil
import signal
import socket
import sqlite3
import time
from contextlib import ExitStack, closing

import psutil
import pytest
from backend_media import clip, picture
from running_backend import REPOSITORY, outcome, running_backend, wait_for
from websockets.sync.client import connect

pytestmark = pytest.mark.system


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0(folder, number):
    with running_backend(folder, worker=False) as server:
        server.process.send_signal(number)
        assert server.process.wait(2) == 0
    wait_for(lambda: "stopped" in server.lines[-1], "its last word has been read")
    assert not any("Traceback" in line for line in server.lines)


def test_open_websockets_and_a_stalled_stream_do_not_delay_the_stop(folder):
    clip(folder / "media" / "big.mp4", frames=4)
    os.truncate(folder / "media" / "big.mp4", 100_000_000)
    with running_backend(folder) as server, ExitStack() as stack:
        clients = [stack.enter_context(connect(server.ws, proxy=None, close_timeout=0.2)) for _ in range(20)]
        number = wait_for(server.assets, "the asset")[0]["id"]
        stream = stack.enter_context(socket.create_connection(server.address, timeout=5))
        stream.sendall(f"GET /api/v1/assets/{number}/stream HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert stream.recv(100)
        started = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started < 2
        assert len(clients) == 20


def test_a_restart_keeps_ids_titles_and_thumbnails(folder):
    picture(folder / "media" / "a.jpg")
    with running_backend(folder) as server:
        server.wait_until_ready(1)
        before = server.assets()
    with running_backend(folder) as server:
        assert server.assets() == before
        assert server.get(before[0]["media_metadata"]["thumbnail_url"]).status_code == 200


def test_thumbnails_that_were_removed_from_the_disk_are_drawn_again(folder):
    picture(folder / "media" / "a.jpg")
    with running_backend(folder) as server:
        url = server.wait_until_ready(1)[0]["media_metadata"]["thumbnail_url"]
    shutil.rmtree(folder / "data" / "thumbnails")
    with running_backend(folder) as server:
        wait_for(lambda: server.get(url).status_code == 200, "the thumbnail is back")


def test_a_kill_of_the_backend_loses_nothing_and_the_worker_goes_on(folder):
    for number in range(30):
        picture(folder / "media" / f"{number}.png", (900, 900))
    with running_backend(folder) as server:
        server.wait_until_ready(2)
        server.process.kill()
        server.process.wait(5)
        with running_backend(folder, worker=False) as again:
            again.wait_until_ready(30)
            assert again.get("/api/v1/assets").json()["meta"]["total"] == 30


def test_the_entry_point_of_the_seeds_runs_the_same_server(folder):
    backend = REPOSITORY / "services" / "backend"
    with running_backend(folder, ("wsgi.py",), cwd=backend) as server:
        assert server.get("/api/v1/health/status").status_code == 200
        picture(server.media / "a.jpg")
        assert server.add("a.jpg").is_success
        server.wait_until_ready(1)
        assert server.stop() == 0


PLAIN = """
import sys
sys.modules["uvloop"] = sys.modules["httptools"] = None
from services.backend.__main__ import main
raise SystemExit(main([]))
"""


def test_it_serves_streams_and_stops_without_the_optional_accelerators(folder):
    clip(folder / "media" / "big.mp4", frames=4)
    os.truncate(folder / "media" / "big.mp4", 100_000_000)
    with running_backend(folder, ("-c", PLAIN)) as server, ExitStack() as stack:
        stack.enter_context(connect(server.ws, proxy=None, close_timeout=0.2))
        number = wait_for(server.assets, "the asset")[0]["id"]
        part = server.get(f"/api/v1/assets/{number}/stream", headers={"Range": "bytes=4-7"})
        assert (part.status_code, part.content) == (206, b"ftyp")
        stream = stack.enter_context(socket.create_connection(server.address, timeout=5))
        stream.sendall(f"GET /api/v1/assets/{number}/stream HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert stream.recv(100)
        started = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started < 2


def test_a_port_that_is_taken_is_an_error_with_a_hint(folder):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        code, _, complaint = outcome(folder, "-m", "services.backend", PORT=str(port))
    assert code == 1
    assert f"port {port}" in complaint
    assert "hint:" in complaint


def test_a_second_server_on_the_same_data_is_refused_and_names_the_first(folder):
    with running_backend(folder) as server:
        code, _, complaint = outcome(folder, "-m", "services.backend")
        assert code == 1
        assert f"pid {server.process.pid}" in complaint


def test_bad_settings_are_an_error_of_usage(folder):
    code, _, complaint = outcome(folder, "-m", "services.backend", HOST="0.0.0.0")
    assert (code, complaint.count("\n")) == (2, 1)
    assert "API_TOKEN" in complaint


def test_a_damaged_database_is_an_error_with_a_way_out(folder):
    (folder / "data").mkdir()
    (folder / "data" / "mam.db").write_bytes(b"no database " * 1000)
    code, _, complaint = outcome(folder, "-m", "services.backend")
    assert code == 1
    assert "reset-db" in complaint
    assert outcome(folder, "-m", "services.backend", "reset-db", "--yes")[0] == 0
    assert len(list((folder / "data" / "backups").glob("*.damaged"))) == 1
    with running_backend(folder) as server:
        assert server.get("/api/v1/health/status").status_code == 200


def test_a_data_folder_that_cannot_be_made_is_an_error(folder):
    (folder / "data").write_text("a file where the folder should be")
    code, _, complaint = outcome(folder, "-m", "services.backend")
    assert code == 1
    assert "DATA_DIR" in complaint


def test_check_says_whether_the_database_is_migrated(folder):
    code, _, complaint = outcome(folder, "-m", "services.backend.check")
    assert (code, "does not exist" in complaint) == (1, True)
    with running_backend(folder):
        code, said, _ = outcome(folder, "-m", "services.backend.check")
        assert (code, "is migrated" in said) == (0, True)
    with closing(sqlite3.connect(folder / "data" / "mam.db")) as connection:
        connection.execute("INSERT INTO schema_migrations (number) VALUES (7777)")
        connection.commit()
    code, _, complaint = outcome(folder, "-m", "services.backend", "check")
    assert (code, "7777" in complaint) == (1, True)


def test_reset_db_asks_refuses_beside_a_server_and_keeps_a_backup(folder):
    picture(folder / "media" / "a.jpg")
    with running_backend(folder) as server:
        number = server.wait_until_ready(1)[0]["id"]
        server.request("DELETE", f"/api/v1/assets/{number}")
        code, _, complaint = outcome(folder, "-m", "services.backend", "reset-db", "--yes")
        assert (code, "in use" in complaint) == (1, True)
    code, _, complaint = outcome(folder, "-m", "services.backend", "reset-db")
    assert (code, "--yes" in complaint) == (1, True)
    assert outcome(folder, "-m", "services.backend", "reset-db", "--yes")[0] == 0
    backup = next((folder / "data" / "backups").glob("*.db"))
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("SELECT count(*) FROM media_assets").fetchone()[0] == 1
    assert not list((folder / "data").glob("mam.db*"))
    assert (folder / "media" / "a.jpg").exists()
    with running_backend(folder) as server:
        assert len(server.wait_until_ready(1)) == 1


def test_cleanup_removes_what_nobody_uses_even_beside_a_server(folder):
    picture(folder / "media" / "a.jpg")
    with running_backend(folder) as server:
        url = server.wait_until_ready(1)[0]["media_metadata"]["thumbnail_url"]
        stray = server.data / "thumbnails" / "ab" / "cd" / ("abcd" + "0" * 28 + ".jpg")
        stray.parent.mkdir(parents=True)
        stray.touch()
        os.utime(stray, (1, 1))
        code, said, _ = outcome(folder, "-m", "services.backend", "cleanup")
        assert (code, "removed 1 unused" in said) == (0, True)
        assert not stray.exists()
        assert server.get(url).status_code == 200


def test_it_takes_as_many_open_files_as_a_thousand_clients_need(folder):
    few = "r.setrlimit(r.RLIMIT_NOFILE, (256, r.getrlimit(r.RLIMIT_NOFILE)[1]))"
    run = "runpy.run_module('services.backend', run_name='__main__', alter_sys=True)"
    with running_backend(
        folder, ["-c", f"import resource as r, runpy, sys; {few}; sys.argv[1:] = []; {run}"]
    ) as server:
        soft, hard = psutil.Process(server.process.pid).rlimit(psutil.RLIMIT_NOFILE)
        assert soft == min(8192, hard)
