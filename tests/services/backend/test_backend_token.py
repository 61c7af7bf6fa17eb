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


S = "/api/v1/session"


def test_who_has_no_token_is_told_that_one_is_needed(guarded):
    assert guarded.get(S).json() == {"needs_token": True, "is_signed_in": False}
    assert guarded.get(S, headers=BEARER).json() == {"needs_token": True, "is_signed_in": True}


def test_the_right_token_is_answered_with_a_cookie_that_lets_in(guarded):
    answer = guarded.post(S, json={"token": f" {TOKEN}\n"})
    assert (answer.status_code, answer.json()["is_signed_in"]) == (200, True)
    parts = answer.headers["set-cookie"].split("; ")
    assert parts[0] == f"mam_token={TOKEN}"
    assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=2592000"} <= set(parts)
    assert "Secure" not in parts
    assert TOKEN not in answer.text
    guarded.cookies.clear()
    assert guarded.get(A, headers={"Cookie": parts[0]}).status_code == 200


def test_a_cookie_that_came_over_tls_never_goes_without(guarded):
    answer = guarded.post(S, json={"token": TOKEN}, headers={"X-Forwarded-Proto": "https"})
    guarded.cookies.clear()
    assert "Secure" in answer.headers["set-cookie"].split("; ")


def test_signing_out_takes_the_cookie_away(guarded):
    answer = guarded.delete(S)
    assert answer.json() == {"needs_token": True, "is_signed_in": False}
    assert answer.headers["set-cookie"].startswith("mam_token=; ")
    assert "Max-Age=0" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b'{"token": 7}', 400),
        (b'{"token": "x", "more": 1}', 400),
        (b"[" * 1000, 400),
        (b'{"token": "' + b"x" * 2000 + b'"}', 413),
    ],
)
def test_what_is_no_token_at_all_is_refused(guarded, content, status):
    assert guarded.post(S, content=content, headers={"Content-Type": "application/json"}).status_code == status


def test_a_form_of_a_foreign_page_signs_nobody_in(guarded):
    form = guarded.post(S, data={"token": TOKEN})
    assert (form.status_code, "set-cookie" in form.headers) == (400, False)
    assert guarded.post(S, json={"token": TOKEN}, headers={"Origin": "http://evil.example"}).status_code == 403
    assert guarded.delete(S, headers={"Origin": "http://evil.example"}).status_code == 403


def test_wrong_tokens_are_refused_and_after_ten_the_next_has_to_wait(tmp_path):
    with library_client(tmp_path, api_token=TOKEN) as client:
        wrong = [client.post(S, json={"token": text}) for text in ["", "no", "\u00e9", TOKEN[:-1], *["no"] * 6]]
        assert {answer.status_code for answer in wrong} == {401}
        assert not any("set-cookie" in answer.headers for answer in wrong)
        late = client.post(S, json={"token": TOKEN})
        assert late.status_code == 429
        assert 1 <= int(late.headers["retry-after"]) <= 6


def test_where_no_token_is_needed_nobody_has_to_sign_in(api):
    signed_in = {"needs_token": False, "is_signed_in": True}
    assert api.get(S).json() == signed_in
    answer = api.post(S, json={"token": "anything"})
    assert (answer.json(), "set-cookie" in answer.headers) == (signed_in, False)
