"""A backend that asks for a token (API_TOKEN)."""

import pytest
from library_client import A, library_client
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

TOKEN = "0123456789abcdef01234567"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
WRONG = [
    {},
    {"Authorization": f"Bearer {TOKEN}x"},
    {"Authorization": f"Basic {TOKEN}"},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer \u00e9".encode("latin-1")},
    {"Cookie": "mam_token=no"},
]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    with library_client(
        tmp_path_factory.mktemp("guarded"), api_token=TOKEN, allowed_hosts=frozenset({"nas"})
    ) as client:
        yield client


@pytest.mark.parametrize("headers", WRONG)
@pytest.mark.parametrize("path", [A, f"{A}/1/stream", "/thumbnails/1.jpg", "/api/v1/health/status", "/nothing"])
def test_without_the_token_every_route_is_a_401(guarded, path, headers):
    answer = guarded.get(path, headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert set(answer.json()) == {"error", "timestamp"}


@pytest.mark.parametrize("headers", [BEARER, {"Cookie": f"other=1; mam_token={TOKEN}"}])
def test_a_header_or_a_cookie_lets_in(guarded, headers):
    assert guarded.get(A, headers=headers).status_code == 200


def test_probes_need_no_token(guarded):
    assert guarded.get("/api/v1/health/live").status_code == 200
    assert guarded.get("/api/v1/health/ready").status_code == 200


def test_a_preflight_of_the_frontend_is_granted_the_header(guarded):
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    answer = guarded.request("OPTIONS", A, headers={"Origin": "http://127.0.0.1:3001", **asked})
    assert answer.status_code == 200
    assert "Authorization" in answer.headers["access-control-allow-headers"]


def test_the_token_does_not_open_other_names_or_origins(guarded):
    assert guarded.get(A, headers=BEARER | {"Host": "nas:5001"}).status_code == 200
    assert guarded.get(A, headers=BEARER | {"Host": "evil.example"}).status_code == 421
    assert guarded.post(A, headers=BEARER | {"Origin": "http://evil.example"}, json={}).status_code == 403


def test_a_websocket_needs_it_too(guarded):
    url = str(guarded.base_url).replace("http", "ws").rstrip("/") + "/ws"
    with pytest.raises(InvalidStatus) as refused:
        connect(url)
    assert refused.value.response.status_code == 403
    with connect(url, additional_headers=BEARER) as socket:
        assert '"connection"' in socket.recv(5)
