"""The pages that the server hands out, and who may have them."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

import pytest
from running_frontend import running_frontend

if TYPE_CHECKING:
    from pathlib import Path

    from running_frontend import Frontend

pytestmark = pytest.mark.system
HTML = {"Accept": "text/html"}


def ask_raw(port: int, request: bytes) -> bytes:
    """Send bytes that no client library would, and return the whole answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def script_of(frontend: Frontend) -> str:
    return re.search(r'src="(/assets/[^"]+\.js)"', frontend.client.get("/").text)[1]


def test_the_start_page_is_html_that_is_asked_for_anew(frontend: Frontend):
    answer = frontend.client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert '<div id="root">' in answer.text


def test_a_file_with_a_hash_in_its_name_may_be_kept_for_ever(frontend: Frontend):
    answer = frontend.client.get(script_of(frontend))
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_a_file_that_has_not_changed_is_a_304_without_a_body(frontend: Frontend):
    tag = frontend.client.get("/favicon.svg").headers["etag"]
    answer = frontend.client.get("/favicon.svg", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content) == (304, b"")


def test_a_head_request_has_the_length_and_no_body(frontend: Frontend):
    answer = frontend.client.head("/")
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) > 0
    assert answer.content == b""


def test_a_path_of_the_app_itself_is_the_start_page(frontend: Frontend):
    answer = frontend.client.get("/library/7", headers=HTML)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize("path", ["/assets/missing.js", "/missing.png", "/api/nothing"])
def test_a_missing_file_is_a_404_with_the_error_body(frontend: Frontend, path: str):
    answer = frontend.client.get(path, headers=HTML)
    assert answer.status_code == 404
    assert set(answer.json()) == {"error", "timestamp"}


def test_a_post_to_a_page_is_a_405_that_says_what_is_possible(frontend: Frontend):
    answer = frontend.client.post("/")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path",
    [
        b"/../package.json",
        b"/assets/../../package.json",
        b"/..%2fpackage.json",
        b"/%2e%2e/package.json",
        b"/assets%5c..%5c..%5cpackage.json",
        b"/index.html%00.js",
        b"/%zz",
        b"/thumbnails/../api/v1/assets",
        b"/api/v1/%2e%2e/%2e%2e/secret",
    ],
)
def test_a_path_that_climbs_is_refused(frontend: Frontend, path: bytes):
    answer = ask_raw(frontend.port, b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"mam-frontend" not in answer


def test_a_link_that_leads_out_of_the_folder_is_not_followed(pages: None, tmp_path: Path):
    folder, secret = tmp_path / "dist", tmp_path / "secret.txt"
    folder.mkdir()
    secret.write_text("not for everybody")
    (folder / "index.html").write_text("<p>hello</p>")
    (folder / "link.txt").symlink_to(secret)
    with running_frontend(DIST_DIR=str(folder)) as frontend:
        assert frontend.client.get("/").text == "<p>hello</p>"
        assert frontend.client.get("/link.txt").status_code == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:3001", "localhost@evil.example", "0.0.0.0"])
def test_a_host_that_is_not_ours_is_misdirected(frontend: Frontend, host: str):
    for path in ("/", "/api/health", "/api/v1/assets"):
        assert frontend.client.get(path, headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:3001", "LOCALHOST", "[::1]:3001"])
def test_our_own_names_are_accepted_with_any_port(frontend: Frontend, host: str):
    assert frontend.client.get("/api/health", headers={"Host": host}).json() == {"status": "healthy"}


def test_a_further_host_can_be_allowed_by_the_environment(pages: None):
    with running_frontend(ALLOWED_HOSTS="media.test") as frontend:
        assert frontend.client.get("/", headers={"Host": "Media.Test:80"}).status_code == 200


def test_a_request_without_a_host_is_refused(frontend: Frontend):
    answer = ask_raw(frontend.port, b"GET / HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 421 ")


def test_every_page_carries_the_security_headers(frontend: Frontend):
    headers = frontend.client.get("/").headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_the_pages_hold_no_script_that_the_policy_would_stop(frontend: Frontend):
    page = frontend.client.get("/").text
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert "style=" not in page
