"""A stack with API_TOKEN in a real browser: the page asks for the token once, and everything works by its cookie."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from running_frontend import REPOSITORY, Frontend, running_frontend

from tests.dashboard.chromium import chromium, program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(program() is None, reason="no Chromium on this machine: apt-get install chromium"),
]
TOKEN = "a-token-of-24-characters"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
WAIT_MS = 20_000


def pick_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as picked:
        return picked.getsockname()[1]


@contextmanager
def process(name: str, settings: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("w") as output:
        run = subprocess.Popen(
            [sys.executable, "-m", name], cwd=REPOSITORY, env=os.environ | settings, stdout=output, stderr=output
        )
        try:
            yield
        finally:
            run.terminate()
            run.wait(timeout=20)


@pytest.fixture(scope="module")
def guarded(pages: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frontend]:
    """Frontend, backend and worker; the library fills itself with six samples."""
    folder: Path = tmp_path_factory.mktemp("guarded")
    port = pick_port()
    settings = {
        "PORT": str(port), "DATA_DIR": str(folder / "data"), "MEDIA_PATH": str(folder / "media"),
        "LOG_DIR": str(folder / "logs"), "API_TOKEN": TOKEN,
    }  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        for name in ("services.backend", "services.worker"):
            stack.enter_context(process(name, settings, folder / f"{name}.log"))
        health = f"backend={url}/api/v1/health/ready"
        frontend = stack.enter_context(running_frontend(BACKEND_URL=url, STACK_HEALTH=health))
        wait_for_backend(frontend)
        yield frontend


def wait_for_backend(frontend: Frontend) -> None:
    until, pause = time.monotonic() + WAIT_MS / 1000, threading.Event()
    while frontend.client.get("/api/v1/session").status_code != 200:
        assert time.monotonic() < until, "the backend does not answer"
        pause.wait(0.05)


@pytest.fixture
def page(guarded: Frontend) -> Iterator[Any]:
    """A fresh browser on the page."""
    with chromium() as browser:
        context = browser.new_context()
        context.set_default_timeout(WAIT_MS)
        opened = context.new_page()
        opened.goto(guarded.url)
        yield opened


def field(page: Any) -> Any:
    return page.get_by_label("Token", exact=True)


def sign_in(page: Any, token: str = TOKEN) -> None:
    field(page).fill(token)
    page.get_by_role("button", name="Sign in").click()


def violations(page: Any) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    return [found["id"] for found in Axe().run(page).response["violations"]]


def test_the_page_asks_once_and_then_all_of_it_works(guarded: Frontend, page: Any) -> None:
    field(page).wait_for()
    assert page.evaluate("document.activeElement.name") == "token"
    assert page.get_by_role("searchbox").count() == 0
    sign_in(page, "not-the-token-but-as-long")
    page.get_by_text("This is not the token.").wait_for()
    sign_in(page)
    page.get_by_text("6 assets").wait_for()
    page.get_by_text("Live", exact=True).wait_for()  # the WebSocket is let in by the cookie
    picture = page.locator("img.thumb").first
    picture.wait_for()
    page.wait_for_function("[...document.querySelectorAll('img.thumb')].some((one) => one.naturalWidth > 0)")
    with page.expect_response(re.compile(r"/api/v1/assets/\d+/stream")) as stream:
        page.get_by_role("list", name="Assets").get_by_role("button").filter(
            has_text=re.compile("^Video")
        ).first.click()
    assert stream.value.status in {200, 206}
    page.keyboard.press("Escape")
    cookies = page.context.cookies()
    assert {(one["name"], one["httpOnly"], one["sameSite"]) for one in cookies} == {("mam_token", True, "Strict")}
    assert {one["path"] for one in cookies} == {"/api/v1", "/thumbnails", "/ws"}
    assert page.evaluate("document.cookie") == ""
    page.reload()
    page.get_by_text("6 assets").wait_for()
    assert field(page).count() == 0


def test_signing_out_closes_the_library_and_takes_the_cookie_away(page: Any) -> None:
    sign_in(page)
    page.get_by_role("button", name="Sign out").click()
    field(page).wait_for()
    assert page.context.cookies() == []
    assert page.locator("img.thumb").count() == 0
    page.reload()
    field(page).wait_for()


def test_a_cookie_that_is_not_good_any_more_has_the_page_ask_again(guarded: Frontend, page: Any) -> None:
    sign_in(page)
    page.get_by_text("Live", exact=True).wait_for()
    host = str(httpx.URL(guarded.url).host)
    page.context.add_cookies([{"name": "mam_token", "value": "another", "domain": host, "path": "/api/v1"}])
    page.get_by_role("button", name="Images").click()  # any request notices it
    field(page).wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_the_question_can_be_read_and_used_by_everybody(page: Any, scheme: str, width: int) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 700})
    field(page).wait_for()
    assert violations(page) == []
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    page.get_by_role("alert").wait_for()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_stack_is_healthy_for_who_has_no_token_yet(guarded: Frontend) -> None:
    [backend] = guarded.client.get("/api/stack").json()["services"]
    assert backend["state"] in {"healthy", "degraded"}  # degraded while the worker starts
    assert guarded.client.get("/api/v1/assets").status_code == 401
    assert httpx.get(f"{guarded.url}/api/v1/assets", headers=BEARER, trust_env=False).status_code == 200
