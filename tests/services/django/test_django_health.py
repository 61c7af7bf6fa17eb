import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from running_django import RunningDjango, running_django

pytestmark = pytest.mark.system

HEALTH = "/api/health/"
LIVE = "/api/health/live/"


def test_the_health_body_is_exactly_the_documented_one(django: RunningDjango) -> None:
    response = django.client.get(HEALTH)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", body.pop("timestamp"))
    assert body == {"status": "healthy", "service": "SideEye Django Backend", "version": "1.0.0"}


def test_no_cache_keeps_an_old_health(django: RunningDjango) -> None:
    assert "no-store" in django.client.get(HEALTH).headers["cache-control"]


def test_head_answers_like_get_without_a_body(django: RunningDjango) -> None:
    response = django.client.head(HEALTH)
    assert (response.status_code, response.content) == (200, b"")


def test_a_connection_is_still_good_after_head(django: RunningDjango) -> None:
    for method in ("HEAD", "GET", "HEAD", "GET"):
        assert django.client.request(method, HEALTH).status_code == 200


def test_the_path_without_its_last_slash_leads_there(django: RunningDjango) -> None:
    response = django.client.get("/api/health", follow_redirects=True)
    assert (response.status_code, response.url.path) == (200, HEALTH)


@pytest.mark.parametrize("path", [HEALTH, LIVE])
def test_a_wrong_method_is_a_405_that_says_what_is_allowed(django: RunningDjango, path: str) -> None:
    response = django.client.post(path, json={})
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"
    _assert_error(response.json(), "METHOD_NOT_ALLOWED")


def test_an_unknown_path_is_a_404_in_json(django: RunningDjango) -> None:
    response = django.client.get("/api/nothing/")
    assert response.status_code == 404
    _assert_error(response.json(), "NOT_FOUND")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "0.0.0.0", "10.0.0.1", "a b", ""])
def test_a_strange_host_is_refused_with_a_403(django: RunningDjango, host: str) -> None:
    for path in (HEALTH, "/api/nothing/"):
        response = django.client.get(path, headers={"Host": host})
        assert response.status_code == 403
        _assert_error(response.json(), "HOST_NOT_ALLOWED")


def test_two_hosts_behind_a_proxy_header_do_not_help_a_stranger(django: RunningDjango) -> None:
    headers = {"Host": "evil.example", "X-Forwarded-Host": "127.0.0.1"}
    assert django.client.get(HEALTH, headers=headers).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8000", "[::1]:1"])
def test_loopback_names_are_answered(django: RunningDjango, host: str) -> None:
    assert django.client.get(HEALTH, headers={"Host": host}).status_code == 200


def test_every_answer_carries_the_security_headers(django: RunningDjango) -> None:
    for path in (HEALTH, "/api/nothing/"):
        headers = django.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "server" not in headers


def _remove(path: Path) -> None:
    path.unlink()


def _corrupt(path: Path) -> None:
    path.write_bytes(b"this is no database" * 100)


def _make_a_folder_of(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("harm", [_remove, _corrupt, _make_a_folder_of])
def test_a_database_that_cannot_be_read_is_a_503_with_checks_while_the_process_stays_live(
    data: Path, harm: Callable[[Path], None]
) -> None:
    with running_django(data) as django:
        assert django.client.get(HEALTH).status_code == 200
        harm(data / "django.db")
        response = django.client.get(HEALTH)
        assert response.status_code == 503
        body = response.json()
        assert set(body) == {"status", "service", "version", "timestamp", "checks"}
        assert body["status"] == "unhealthy"
        (check,) = body["checks"]["database"]
        assert check["status"] == "fail"
        assert str(data) not in response.text
        assert django.client.get(LIVE).json()["status"] == "healthy"


def test_a_database_that_comes_back_is_healthy_again_without_a_restart(data: Path) -> None:
    with running_django(data) as django:
        (data / "django.db").rename(data / "away.db")
        assert django.client.get(HEALTH).status_code == 503
        (data / "away.db").rename(data / "django.db")
        assert django.client.get(HEALTH).status_code == 200


def test_a_database_held_by_somebody_else_is_told_before_a_prober_gives_up(data: Path) -> None:
    with running_django(data) as django, closing(sqlite3.connect(data / "django.db")) as holder:
        holder.execute("PRAGMA locking_mode=EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        response = django.client.get(HEALTH, timeout=2)
        assert response.status_code == 503
        assert "locked" in response.json()["checks"]["database"][0]["output"]


def test_a_database_that_is_broken_at_the_start_is_told_and_served_as_unhealthy(data: Path) -> None:
    data.mkdir()
    _corrupt(data / "django.db")
    with running_django(data) as django:
        assert "the database cannot be used" in django.log
        assert django.client.get(HEALTH).status_code == 503


def test_without_migrations_it_serves_and_says_which_command_is_missing(data: Path) -> None:
    with running_django(data) as django:
        assert "python -m services.django migrate" in django.log
        assert django.client.get(HEALTH).status_code == 200


def _assert_error(body: dict[str, str], code: str) -> None:
    assert set(body) == {"error", "code", "hint", "timestamp"}
    assert body["code"] == code
