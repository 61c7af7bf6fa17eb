import socket
from collections.abc import Callable
from itertools import repeat

import pytest
from api_contract import assert_error, assert_keeps
from api_fake_backend import ASSET, FakeBackend, Handler
from running_api import RunningApi, running_api

pytestmark = pytest.mark.system

LIST = "/api/v1/assets"
META = {"page": 1, "total": 1, "pages": 1}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_a_backend_that_is_down_is_a_503_with_a_hint_and_a_degraded_200_health() -> None:
    with running_api(BACKEND_URL=f"http://127.0.0.1:{_free_port()}") as api:
        response = api.client.get(LIST)
        assert_keeps(response, LIST)
        body = assert_error(response, 503, "BACKEND_UNAVAILABLE")
        assert "mamctl start backend" in body["hint"]
        health = assert_keeps(api.client.get("/health"), "/health")
        assert (health["status"], health["backend"]) == ("degraded", "unreachable")
        assert assert_keeps(api.client.get("/health/live"), "/health/live")["status"] == "healthy"


def _never(request: Handler) -> None:
    request.server.released.wait(20)


def _trickle(request: Handler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1000000")
    request.end_headers()
    for byte in repeat(b" ", 1000):
        request.wfile.write(byte)
        if request.server.released.wait(0.1):
            return


@pytest.mark.parametrize("slow", [_never, _trickle])
def test_a_backend_that_is_too_slow_is_a_504(
    api: RunningApi, backend: FakeBackend, slow: Callable[[Handler], None]
) -> None:
    backend.behaviour = slow
    response = api.client.get(LIST)
    assert_keeps(response, LIST)
    assert_error(response, 504, "BACKEND_TIMEOUT")


def test_a_backend_that_takes_no_connection_is_a_504() -> None:
    # The queue of a listener that never accepts is full after the first connections; more are not answered.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        address = deaf.getsockname()
        with socket.create_connection(address), socket.socket() as second, socket.socket() as third:
            for extra in (second, third):
                extra.setblocking(False)
                extra.connect_ex(address)
            url = f"http://127.0.0.1:{address[1]}"
            with running_api(BACKEND_URL=url, BACKEND_CONNECT_TIMEOUT="0.3") as api:
                assert_error(api.client.get(LIST), 504, "BACKEND_TIMEOUT")


def _not_http(request: Handler) -> None:
    request.wfile.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
    request.close_connection = True


def _cut_off(request: Handler) -> None:
    request.answer_bytes(200, b'{"items": [', {"Content-Length": "5000"})
    request.close_connection = True


def _says(status: int, value: object) -> Callable[[Handler], None]:
    return lambda request: request.answer(status, value)


def _sends(body: bytes) -> Callable[[Handler], None]:
    return lambda request: request.answer_bytes(200, body)


def _asset(**changes: object) -> Callable[[Handler], None]:
    return _says(200, {"items": [ASSET | changes], "meta": META})


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(_not_http, id="not HTTP"),
        pytest.param(_cut_off, id="cut off"),
        pytest.param(_sends(b"<html>hello</html>"), id="HTML"),
        pytest.param(_sends(b""), id="empty"),
        pytest.param(_sends(b"\xff\xfe"), id="not UTF-8"),
        pytest.param(_sends(b'{"items": [], "meta": NaN}'), id="NaN"),
        pytest.param(_sends(b"[" * 100_000), id="too deep"),
        pytest.param(_sends(b" " * (8 * 1024 * 1024 + 1)), id="too large"),
        pytest.param(_says(200, [ASSET]), id="a list"),
        pytest.param(_says(200, {"items": []}), id="no meta"),
        pytest.param(_says(200, {"items": [{"id": 1}], "meta": META}), id="half an asset"),
        pytest.param(_asset(file_path="/home/someone/sunset.mp4"), id="an absolute path"),
        pytest.param(_asset(file_path="C:\\media\\sunset.mp4"), id="a drive letter"),
        pytest.param(_asset(media_metadata={"thumbnail_url": "/api/v1/thumbnails/x.jpg"}), id="a prefixed thumbnail"),
        pytest.param(_asset(id="1"), id="an id that is text"),
        pytest.param(_says(500, {"error": "boom"}), id="500"),
        pytest.param(_says(302, {}), id="a redirect"),
        pytest.param(_says(404, {"error": "not here"}), id="404 for the list"),
    ],
)
def test_an_answer_that_the_specification_forbids_is_a_502_and_is_not_passed_on(
    api: RunningApi, backend: FakeBackend, garbage: Callable[[Handler], None]
) -> None:
    backend.behaviour = garbage
    response = api.client.get(LIST)
    assert_keeps(response, LIST)
    assert_error(response, 502, "BACKEND_BAD_RESPONSE")
    assert "home" not in response.text


def test_after_garbage_the_next_answer_is_good_again(api: RunningApi, backend: FakeBackend) -> None:
    documented, backend.behaviour = backend.behaviour, _not_http
    assert api.client.get(LIST).status_code == 502
    backend.behaviour = documented
    assert api.client.get(LIST).status_code == 200
