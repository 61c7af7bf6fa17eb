"""A backend that asks for a token (API_TOKEN)."""

import time

import pytest
from library_client import A, library_client
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from services.backend.app import edge
from services.backend.app.session_key import opens, session_key

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
    parts = answer.headers.get_list("set-cookie")[0].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Max-Age=2592000"} <= set(parts)
    assert "Secure" not in parts
    guarded.cookies.clear()
    assert guarded.get(A, headers={"Cookie": parts[0]}).status_code == 200


def test_nobody_who_gets_the_cookie_learns_the_token(guarded):
    answer = guarded.post(S, json={"token": TOKEN})
    guarded.cookies.clear()
    assert TOKEN not in answer.text + str(answer.headers)
    [key] = {line.partition(";")[0].removeprefix("mam_token=") for line in answer.headers.get_list("set-cookie")}
    assert guarded.get(A, headers={"Authorization": f"Bearer {key}"}).status_code == 401
    assert guarded.post(S, json={"token": key}).status_code == 401


def test_the_cookie_goes_to_the_paths_of_this_server_only(guarded):
    answer = guarded.post(S, json={"token": TOKEN})
    paths = {part for line in answer.headers.get_list("set-cookie") for part in line.split("; ") if "Path=" in part}
    assert paths == {"Path=/api/v1", "Path=/thumbnails", "Path=/ws"}
    sent = {path: "cookie" in guarded.build_request("GET", path).headers for path in ("/", "/admin/", A, "/ws")}
    guarded.cookies.clear()
    assert sent == {"/": False, "/admin/": False, A: True, "/ws": True}


def test_a_cookie_lets_in_until_its_time_is_over_whatever_the_browser_thinks(guarded, monkeypatch):
    guarded.post(S, json={"token": TOKEN})
    assert guarded.get(A).status_code == 200
    later = time.time() + 30 * 24 * 3600 + 1
    monkeypatch.setattr(edge.time, "time", lambda: later)
    assert guarded.get(A).status_code == 401
    monkeypatch.undo()
    guarded.cookies.clear()


@pytest.mark.parametrize("until", ["", "9999999999999", "-1", "1e9", "\u0663", "99999999999"])
def test_a_time_that_was_made_up_is_no_key(until):
    true = session_key(TOKEN, until=4_000_000_000)
    assert opens(true, TOKEN, now=1.0)
    assert not opens(f"{until}.{true.partition('.')[2]}", TOKEN, now=1.0)
    assert not opens(true, TOKEN[:-1] + "x", now=1.0)


def test_a_cookie_that_another_service_of_the_host_sets_beside_ours_does_not_lock_out(guarded):
    guarded.post(S, json={"token": TOKEN})
    [ours] = {cookie.value for cookie in guarded.cookies.jar}
    guarded.cookies.clear()
    for both in (f"mam_token={ours}; mam_token=theirs", f"mam_token=theirs; mam_token={ours}"):
        assert guarded.get(A, headers={"Cookie": both}).status_code == 200


def test_a_cookie_that_came_over_tls_never_goes_without(guarded):
    answer = guarded.post(S, json={"token": TOKEN}, headers={"X-Forwarded-Proto": "https"})
    guarded.cookies.clear()
    assert all("Secure" in line.split("; ") for line in answer.headers.get_list("set-cookie"))


def test_signing_out_takes_the_cookie_away(guarded):
    answer = guarded.delete(S)
    assert answer.json() == {"needs_token": True, "is_signed_in": False}
    lines = answer.headers.get_list("set-cookie")
    assert len(lines) == 3
    assert all(line.startswith("mam_token=; ") and "Max-Age=0" in line for line in lines)


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
