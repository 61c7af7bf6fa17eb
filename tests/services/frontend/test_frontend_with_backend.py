"""The frontend's server in front of the real backend: what a browser would ask for, in its order."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from running_frontend import REPOSITORY, Frontend, running_frontend
from websockets.sync.client import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

pytestmark = pytest.mark.system
SAMPLES = 6
WAIT_S = 60
PAUSE = threading.Event()  # never set: between two looks the decoder shall have the processor


def pick_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as picked:
        return picked.getsockname()[1]


def wait_for_library(frontend: Frontend) -> list[dict]:
    """Ask until the backend has made, read and pictured all of its samples."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        answer = frontend.client.get("/api/v1/assets?page=1&per_page=60&sort=created_at&order=desc")
        items = answer.json()["items"] if answer.status_code == 200 else []
        if len(items) == SAMPLES and all(item["media_metadata"].get("thumbnail_url") for item in items):
            return items
        PAUSE.wait(0.05)
    raise AssertionError(f"after {WAIT_S} s the library is still {answer.text}")


@pytest.fixture(scope="module")
def whole(pages: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frontend]:
    """Both servers and a worker, with folders of their own; the library fills itself."""
    folder: Path = tmp_path_factory.mktemp("library")
    port = pick_port()
    settings = {
        "PORT": str(port), "DATA_DIR": str(folder / "data"), "MEDIA_PATH": str(folder / "media"),
        "LOG_DIR": str(folder / "logs"),
    }  # fmt: skip
    with (folder / "backend.log").open("w") as log:
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", name], cwd=REPOSITORY, env=os.environ | settings, stdout=log, stderr=log
            )
            for name in ("services.backend", "services.worker")
        ]
        try:
            url = f"http://127.0.0.1:{port}"
            health = f"backend={url}/api/v1/health/status"
            with running_frontend(BACKEND_URL=url, STACK_HEALTH=health) as frontend:
                yield frontend
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(timeout=20)


def test_a_library_with_its_thumbnails_streams_and_updates_comes_through(whole: Frontend):
    items = wait_for_library(whole)
    film = next(item for item in items if item["mime_type"] == "video/mp4")

    thumbnail = whole.client.get(film["media_metadata"]["thumbnail_url"])
    assert (thumbnail.status_code, thumbnail.headers["content-type"]) == (200, "image/jpeg")

    part = whole.client.get(f"/api/v1/assets/{film['id']}/stream", headers={"Range": "bytes=0-99"})
    assert (part.status_code, len(part.content)) == (206, 100)
    assert part.headers["content-range"] == f"bytes 0-99/{film['file_size']}"

    missing = whole.client.get("/api/v1/assets/999999")
    assert (missing.status_code, {"error", "timestamp"} <= missing.json().keys()) == (404, True)

    with connect(f"ws://127.0.0.1:{whole.port}/ws", origin=whole.url, proxy=None) as live:
        assert json.loads(live.recv(timeout=5))["type"] == "connection"
        live.send('{"type": "ping"}')
        assert json.loads(live.recv(timeout=5))["type"] == "pong"

    [health] = whole.client.get("/api/stack").json()["services"]
    assert (health["name"], health["state"]) == ("backend", "healthy")


@pytest.mark.parametrize("sort", ["created_at", "updated_at", "title", "file_size", "duration"])
def test_every_order_that_the_page_offers_is_one_that_the_backend_knows(whole: Frontend, sort: str):
    for kind in ("video", "image"):
        wanted = {"page": 1, "per_page": 60, "sort": sort, "order": "desc", "type": kind, "q": "a"}
        assert reachable(whole, wanted).status_code == 200


def reachable(frontend: Frontend, wanted: dict) -> httpx.Response:
    """Ask until the backend answers at all."""
    deadline = time.monotonic() + WAIT_S
    while (answer := frontend.client.get("/api/v1/assets", params=wanted)).status_code == 502:
        assert time.monotonic() < deadline
        PAUSE.wait(0.05)
    return answer
