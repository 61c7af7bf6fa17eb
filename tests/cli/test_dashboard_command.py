"""`mamctl dashboard`: how a link comes to a browser, or to who asked for it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.control.realstack import real_stack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Outcome
    from fake_supervisor import FakeSupervisor

LINK = "http://127.0.0.1:7373/dashboard?once=abc"
NO_TCP = {"error": "it does not listen on TCP", "code": "no_tcp", "hint": "the manifest's key says where"}


@pytest.fixture
def inviting(supervisor: FakeSupervisor) -> FakeSupervisor:
    """A supervisor that makes links."""
    document = {"url": LINK, "path": "/dashboard?once=abc", "expires_in_s": 60.0}
    supervisor.answers["POST /v1/dashboard"] = lambda _: (200, document)
    return supervisor


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A browser that writes down what it is to open: the module webbrowser finds it by BROWSER."""
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    monkeypatch.setattr("webbrowser._tryorder", None)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    return tmp_path / "opened"


def test_the_browser_gets_the_link_and_the_terminal_does_not(
    inviting: FakeSupervisor, mamctl: Callable[..., Outcome], opened: Path
) -> None:
    found = mamctl("dashboard", DISPLAY=":1")
    assert found == (0, "", "opened http://127.0.0.1:7373/dashboard in your browser\n")
    assert opened.read_text() == LINK


def test_print_opens_nothing(inviting: FakeSupervisor, mamctl: Callable[..., Outcome], opened: Path) -> None:
    assert mamctl("dashboard", "--print", DISPLAY=":1") == (0, f"{LINK}\n", "")
    assert not opened.exists()


@pytest.mark.skipif(os.uname().sysname == "Darwin", reason="a Mac always has a screen")
def test_without_a_screen_the_link_is_printed(
    inviting: FakeSupervisor, mamctl: Callable[..., Outcome], opened: Path
) -> None:
    found = mamctl("dashboard")
    assert (found.code, found.out) == (0, f"{LINK}\n")
    assert "within a minute" in found.err
    assert not opened.exists()


def test_where_to_listen_goes_to_the_supervisor(inviting: FakeSupervisor, mamctl: Callable[..., Outcome]) -> None:
    mamctl("dashboard", "--print", "--listen", "127.0.0.1:0")
    assert inviting.wait_for("POST", "/v1/dashboard") == {"listen": "127.0.0.1:0"}


def test_who_asks_for_an_address_is_told_that_there_is_another_one(
    inviting: FakeSupervisor, mamctl: Callable[..., Outcome]
) -> None:
    found = mamctl("dashboard", "--print", "--listen", "127.0.0.1:8000")
    assert (found.out, found.err) == (f"{LINK}\n", "the stack listens already, elsewhere than on 127.0.0.1:8000\n")
    assert mamctl("dashboard", "--print", "--listen", "127.0.0.1:7373").err == ""


def test_a_stack_that_no_browser_can_reach_says_both_ways_to_change_that(
    supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]
) -> None:
    supervisor.answers["POST /v1/dashboard"] = lambda _: (409, NO_TCP)
    found = mamctl("dashboard")
    assert (found.code, found.out) == (1, "")
    assert "`control`" in found.err
    assert "mamctl dashboard --listen 127.0.0.1:0" in found.err
    assert "control: {listen: 127.0.0.1:7373}" in found.err


def test_without_a_supervisor_there_is_none(stack: Path, mamctl: Callable[..., Outcome]) -> None:
    assert mamctl("dashboard").code == 4


def test_elsewhere_the_link_leads_there(tmp_path: Path, mamctl: Callable[..., Outcome]) -> None:
    with real_stack(tmp_path, "elsewhere") as there:
        url = there.url.replace("127.0.0.1", "localhost")
        found = mamctl("--host", f"{url}/", "dashboard", "--print", MAMCTL_TOKEN=there.token)
    assert found.out.startswith(f"{url}/dashboard?once=")
