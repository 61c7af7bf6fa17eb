import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest
from api_contract import SPEC, assert_error, assert_keeps
from api_fake_backend import FakeBackend, Handler, fake_backend
from running_api import API, ROOT, RunningApi, running_api, spawn

pytestmark = pytest.mark.system


def test_health_is_healthy_when_the_backend_answers(backend: FakeBackend) -> None:
    with running_api(BACKEND_URL=backend.url) as api:
        response = api.client.get("/health")
        body = assert_keeps(response, "/health")
        assert (body["status"], body["backend"], body["service"]) == ("healthy", "reachable", "api")
        assert response.headers["cache-control"] == "no-store"


def test_a_stranger_on_the_backend_s_port_is_not_the_backend(backend: FakeBackend) -> None:
    backend.behaviour = lambda request: request.answer(200, {"error": "Unexpected endpoint or method."})
    with running_api(BACKEND_URL=backend.url) as api:
        assert assert_keeps(api.client.get("/health"), "/health")["backend"] == "unreachable"


def test_liveness_asks_nobody(api: RunningApi, backend: FakeBackend) -> None:
    assert assert_keeps(api.client.get("/health/live"), "/health/live")["status"] == "healthy"
    assert backend.requests == []


def test_head_answers_like_get_without_a_body(api: RunningApi) -> None:
    response = api.client.head("/health/live")
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil", "0.0.0.0", "10.0.0.1", ""]
)
def test_a_strange_host_is_refused_with_a_403(api: RunningApi, host: str) -> None:
    for path in ("/api/v1/assets", "/health", "/ui/", "/openapi.json", "/nothing"):
        assert_error(api.client.get(path, headers={"Host": host}), 403, "HOST_NOT_ALLOWED")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8080", "LOCALHOST", "[::1]:1"])
def test_loopback_names_are_answered(api: RunningApi, host: str) -> None:
    assert api.client.get("/health/live", headers={"Host": host}).status_code == 200


def test_two_hosts_in_one_request_are_refused(api: RunningApi) -> None:
    request = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    with socket.create_connection((api.client.base_url.host, api.client.base_url.port), timeout=5) as connection:
        connection.sendall(request)
        status = connection.recv(4096).split(b" ", 2)[1]
    assert status in (b"400", b"403")


def test_an_unknown_path_is_a_404(api: RunningApi) -> None:
    assert "/nothing" in assert_error(api.client.get("/nothing"), 404, "NOT_FOUND")["error"]


def test_a_wrong_method_is_a_405_that_says_what_is_allowed(api: RunningApi) -> None:
    response = api.client.post("/api/v1/assets", json={"file_path": "a.jpg"})
    assert_error(response, 405, "METHOD_NOT_ALLOWED")
    assert "GET" in response.headers["allow"]


@pytest.mark.parametrize("path", ["/api/v1/assets", "/health", "/ui/", "/nothing"])
def test_every_answer_carries_the_security_headers(api: RunningApi, path: str) -> None:
    headers = api.client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "server" not in headers


def test_openapi_json_is_the_file(api: RunningApi) -> None:
    assert api.client.get("/openapi.json").json() == SPEC


def test_swagger_ui_needs_nothing_from_elsewhere(api: RunningApi) -> None:
    page = api.client.get("/", follow_redirects=True)
    assert page.url.path == "/ui/"
    assert not re.search(r"(src|href)=.https?:", page.text)
    parts = re.findall(r'(?:src|href)="\./([^"]+)"', page.text)
    assert "swagger-ui-bundle.js" in parts
    for part in parts:
        assert api.client.get(f"/ui/{part}").status_code == 200
    assert '"/openapi.json"' in page.text


def test_the_seed_s_own_entry_point_serves_the_same(backend: FakeBackend) -> None:
    with running_api(module="swagger_server", cwd=API, BACKEND_URL=backend.url) as api:
        assert_keeps(api.client.get("/api/v1/assets"), "/api/v1/assets")
        assert api.stop() == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_with_exit_0(backend: FakeBackend, number: int) -> None:
    with running_api(BACKEND_URL=backend.url) as api:
        # An idle connection is open.
        api.client.get("/health")
        assert api.stop(number) == (0, "")


def test_a_request_that_hangs_on_the_backend_does_not_hold_up_the_stop() -> None:
    arrived = threading.Event()

    def hang(request: Handler) -> None:
        arrived.set()
        request.server.released.wait(20)

    with fake_backend() as backend, running_api(BACKEND_URL=backend.url, BACKEND_READ_TIMEOUT="60") as api:
        backend.behaviour = hang
        caller = threading.Thread(target=_ask_and_ignore, args=(api.client.base_url.join("/api/v1/assets"),))
        caller.start()
        assert arrived.wait(10)
        code, _ = api.stop()
        assert code == 0
        caller.join(10)


def _ask_and_ignore(url: httpx.URL) -> None:
    try:
        httpx.get(url, timeout=30, trust_env=False)
    except httpx.HTTPError:
        # The server may cut the connection; that is not what the test is about.
        return


def test_a_taken_port_is_told_with_exit_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        code, complaints = _outcome(PORT=str(port))
    assert code == 1
    assert f"error: port {port} on 127.0.0.1 is taken" in complaints
    assert "hint: " in complaints


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("HOST", "0.0.0.0"),
        ("BACKEND_URL", "ftp://127.0.0.1"),
        ("BACKEND_READ_TIMEOUT", "soon"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_bad_configuration_is_told_with_exit_2(name: str, value: str) -> None:
    code, complaints = _outcome(**{name: value})
    assert code == 2
    assert complaints.startswith(f"error: {name}")
    assert "hint: " in complaints
    assert "Traceback" not in complaints


def _outcome(*, cwd: Path = ROOT, **variables: str) -> tuple[int, str]:
    with spawn(cwd=cwd, **variables) as process:
        _, complaints = process.communicate(timeout=20)
        return process.returncode, complaints


TAKEN_BETWEEN_BIND_AND_LISTEN = """
import sys
sys.path.insert(0, {api!r})
from swagger_server.config import Settings
from swagger_server.listener import PortError, claim
from swagger_server.server import serve
with claim("127.0.0.1", 0) as first, claim("127.0.0.1", first.getsockname()[1]) as second:
    first.listen()
    try:
        serve(Settings(), second)
    except PortError as problem:
        print(problem)
"""


def test_a_port_taken_between_bind_and_listen_is_told_as_well() -> None:
    program = TAKEN_BETWEEN_BIND_AND_LISTEN.format(api=str(API))
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=20)
    assert "is taken by another program" in done.stdout, done.stderr
