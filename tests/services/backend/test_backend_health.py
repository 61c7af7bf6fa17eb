import socket
import threading
import time

import pytest
from backend_media import picture
from running_backend import running_backend, wait_for
from running_worker import running_worker

pytestmark = pytest.mark.system

STATUS = "/api/v1/health/status"


def test_the_status_has_the_body_of_the_seed(library):
    response = library.get(STATUS)
    assert response.status_code == 200
    body = response.json()
    assert set(body) == {"status", "services", "system"}
    assert body["status"] == "healthy"
    assert body["services"] == {
        "database": True, "websocket": True, "media_processor": True, "processing_queue": True, "file_system": True,
    }  # fmt: skip
    assert set(body["system"]) == {"memory_usage", "disk_usage", "cpu_usage"}
    assert all(0 <= value <= 100 for value in body["system"].values())


def test_the_other_health_addresses_answer(library):
    assert library.get("/api/v1/health/live").json() == {"status": "alive"}
    assert library.get("/api/v1/health/ready").json()["status"] == "healthy"
    assert library.get("/live").json() == {"status": "alive"}
    assert library.get("/ready").json()["status"] == "healthy"
    processing = wait_for(
        lambda: body if (body := library.get("/api/v1/health/processing").json())["later"] == 0 else None, "it rests"
    )
    assert (processing["status"], processing["queued"], processing["active"], processing["failed"]) == (
        "healthy", 0, 0, 0,
    )  # fmt: skip
    assert processing["workers"][0]["pid"] == library.worker.pid
    assert processing["workers"][0]["heartbeat_age_s"] < 10
    assert processing["roots"][0]["status"] == "online"
    assert library.get("/api/v1/health/websocket").json()["status"] == "healthy"


def test_without_a_worker_assets_wait_and_health_says_so(folder):
    picture(folder / "media" / "a.jpg")
    with running_backend(folder, worker=False) as server:
        assert server.get("/api/v1/health/ready").status_code == 200
        assert server.add("a.jpg").json()["status"] == "queued"
        body = server.get(STATUS).json()
        assert (body["status"], body["services"]["media_processor"]) == ("degraded", False)
        processing = server.get("/api/v1/health/processing")
        assert (processing.status_code, processing.json()["queued"]) == (503, 1)
        assert "no worker" in processing.json()["reason"]
        with running_worker(folder):
            server.wait_until_ready(1)
            assert server.get(STATUS).json()["status"] == "healthy"
        wait_for(lambda: server.get(STATUS).json()["status"] == "degraded", "its end is seen at once", 1.0)


def test_it_is_healthy_soon_after_its_start_while_the_samples_are_still_drawn(folder):
    with running_backend(folder, MEDIA_SAMPLES="1") as server:
        response = server.get(STATUS)
        assert (response.status_code, response.json()["status"]) == (200, "healthy")
        assert len(server.assets()) < 6


def test_a_lost_database_is_a_503_with_the_same_body_and_heals(folder):
    with running_backend(folder) as server:
        assert server.get(STATUS).json()["status"] == "healthy"
        database = server.data / "mam.db"
        database.rename(server.data / "away")
        response = wait_for(lambda: answer if (answer := server.get(STATUS)).status_code == 503 else None, "a 503")
        body = response.json()
        assert (body["status"], body["services"]["database"]) == ("unhealthy", False)
        assert set(body) == {"status", "services", "system"}
        (server.data / "away").rename(database)
        wait_for(lambda: server.get(STATUS).status_code == 200, "it is well again")


def test_a_missing_media_folder_is_degraded_and_still_a_200(folder):
    with running_backend(folder) as server:
        assert server.get(STATUS).json()["status"] == "healthy"
        server.media.rename(folder / "unmounted")
        body = wait_for(
            lambda: body if (body := server.get(STATUS).json())["status"] == "degraded" else None, "it is degraded"
        )
        assert body["services"]["file_system"] is False
        assert server.get(STATUS).status_code == 200


def test_requests_that_fill_the_pool_do_not_delay_health_or_the_stop(folder):
    with running_backend(folder) as server:
        stalled = [socket.create_connection(server.address, timeout=5) for _ in range(24)]
        for connection in stalled:
            connection.sendall(
                b"POST /api/v1/assets HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: 100\r\n\r\n{"
            )
        listed = threading.Thread(target=lambda: _ignore(server))
        listed.start()
        for _ in range(5):
            started = time.monotonic()
            assert server.get(STATUS).status_code == 200
            assert time.monotonic() - started < 1
        assert listed.is_alive()  # the pool is full: the list waits
        started = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started < 2
        for connection in stalled:
            connection.close()
        listed.join(5)


def _ignore(server) -> None:
    import httpx

    try:
        server.get("/api/v1/assets")
    except httpx.HTTPError:
        return
