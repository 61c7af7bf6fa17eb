"""The whole way: the real API server in front of the real backend with real files."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from time import monotonic

import httpx
import pytest
from api_contract import SPEC, assert_error, assert_keeps
from PIL import Image
from running_api import ROOT, RunningApi, running_api

pytestmark = pytest.mark.system

LIST = "/api/v1/assets"
ONE = "/api/v1/assets/{asset_id}"


@dataclass
class Stack:
    """The API and, asked directly, the backend behind it."""

    api: RunningApi
    backend: httpx.Client


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("library")
    (folder / "media").mkdir()
    for number, color in enumerate(("red", "green", "blue")):
        Image.new("RGB", (32, 24), color).save(folder / "media" / f"{color}-{number}.png")
    with (
        _real_backend(folder) as url,
        running_api(BACKEND_URL=url) as api,
        httpx.Client(base_url=url, timeout=10, trust_env=False) as backend,
    ):
        for file in sorted((folder / "media").iterdir()):
            # The scan may have found it already: then this answers 200, else 201.
            assert backend.post(LIST, json={"file_path": file.name}).status_code in (200, 201)
        yield Stack(api, backend)


@contextmanager
def _real_backend(folder: Path, **settings: str) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "PORT": str(port),
        "DATA_DIR": str(folder / "data"),
        "MEDIA_PATH": str(folder / "media"),
        "LOG_DIR": str(folder / "logs"),
        "MEDIA_SAMPLES": "0",
    } | settings
    command = [sys.executable, "-m", "services.backend"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        lines: Queue[str] = Queue()
        reader = Thread(target=lambda: [lines.put(line) for line in process.stdout])
        reader.start()
        try:
            _until_listening(lines)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(10)
            finally:
                process.kill()
                reader.join(10)


def _until_listening(lines: "Queue[str]") -> None:
    said = ""
    deadline = monotonic() + 30
    while "listening on" not in said:
        try:
            said += lines.get(timeout=max(0, deadline - monotonic()))
        except Empty:
            raise AssertionError(f"the backend did not come up: {said}") from None


def test_the_api_is_healthy_in_front_of_the_real_backend(stack: Stack) -> None:
    assert assert_keeps(stack.api.client.get("/health"), "/health")["status"] == "healthy"


def _settled(asset: dict[str, object]) -> dict[str, object]:
    """Leave out what changes while the backend still reads the file."""
    return {name: asset[name] for name in ("id", "title", "file_path", "mime_type", "file_size", "created_at")}


def test_the_list_has_the_same_assets_as_the_backend_s_own(stack: Stack) -> None:
    ours = assert_keeps(stack.api.client.get(LIST), LIST)
    theirs = stack.backend.get(LIST).json()
    assert len(ours["items"]) == 3
    by_id = {asset["id"]: _settled(asset) for asset in theirs["items"]}
    assert {asset["id"]: _settled(asset) for asset in ours["items"]} == by_id


def test_each_asset_can_be_had_alone(stack: Stack) -> None:
    for asset in stack.api.client.get(LIST).json()["items"]:
        alone = assert_keeps(stack.api.client.get(f"{LIST}/{asset['id']}"), ONE)
        assert _settled(alone) == _settled(asset)


def test_a_missing_asset_is_a_404_here_as_there(stack: Stack) -> None:
    response = stack.api.client.get(f"{LIST}/987654")
    assert_keeps(response, ONE)
    assert_error(response, 404, "ASSET_NOT_FOUND")


def test_every_value_that_the_specification_allows_is_one_that_the_backend_understands(stack: Stack) -> None:
    parameters = SPEC["components"]["parameters"].values()
    asked = [{each["name"]: value} for each in parameters for value in each["schema"].get("enum", [])]
    bounds = [{"page": 1}, {"page": 1000000}, {"per_page": 1}, {"per_page": 200}, {"q": "red"}, {"q": "x" * 200}]
    for params in [*asked, *bounds, {"q": '50% "off" \\ _ * ü'}, {"q": "*"}, {"q": '"'}]:
        assert_keeps(response := stack.api.client.get(LIST, params=params), LIST)
        assert response.status_code == 200, (params, response.text)


def test_a_filter_does_filter(stack: Stack) -> None:
    assert [each["title"] for each in stack.api.client.get(LIST, params={"q": "green"}).json()["items"]] != []
    assert len(stack.api.client.get(LIST, params={"q": "green"}).json()["items"]) == 1
    assert stack.api.client.get(LIST, params={"type": "video"}).json()["meta"]["total"] == 0


def test_pages_follow_each_other(stack: Stack) -> None:
    pages = [
        stack.api.client.get(LIST, params={"page": page, "per_page": 2, "sort": "title", "order": "asc"}).json()
        for page in (1, 2)
    ]
    assert [len(page["items"]) for page in pages] == [2, 1]
    titles = [asset["title"] for page in pages for asset in page["items"]]
    assert titles == sorted(titles, key=str.lower)


TOKEN = "a-token-of-24-characters"


def test_a_backend_that_wants_a_token_gets_that_of_whoever_asks_and_none_of_ours(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    with _real_backend(tmp_path, API_TOKEN=TOKEN) as url, running_api(BACKEND_URL=url, API_TOKEN=TOKEN) as api:
        assert_keeps(api.client.get(LIST), LIST)
        refused = assert_error(api.client.get(LIST), 401, "TOKEN_NEEDED")
        assert TOKEN not in str(refused)
        assert assert_error(api.client.get(f"{LIST}/1", headers={"Cookie": "mam_token=no"}), 401, "TOKEN_NEEDED")
        for headers in ({"Authorization": f"Bearer {TOKEN}"}, {"Cookie": f"a=1; mam_token={TOKEN}; b=2"}):
            assert assert_keeps(api.client.get(LIST, headers=headers), LIST)["items"] == []
        assert_error(api.client.get(LIST), 401, "TOKEN_NEEDED")  # nothing of it stays on the pooled connections
        assert assert_keeps(api.client.get("/health"), "/health")["status"] == "healthy"
