"""A browser comes in by a link, once; then its own page is answered, and no other page and no other port."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pathlib
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from mamctl.control import pages
from mamctl.control.pages import HEADERS, POLICY
from mamctl.control.protocol import Refusal
from mamctl.control.secret import TokenFile
from mamctl.control.visitors import LINK_SECONDS, MOST_LINKS, VISIT_SECONDS, Visitors

if TYPE_CHECKING:
    from tests.control.serving import Served

PATIENCE = 10.0
HOST = "127.0.0.1:7373"


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["code"])

    @property
    def key(self) -> str:
        return self.body.partition(b'name="mamctl-key" content="')[2].partition(b'"')[0].decode()


class Browser:
    """Sends what a browser would, and keeps its cookie and its key."""

    def __init__(self, served: Served, port: int) -> None:
        self.served = served
        self.port = port
        self.cookie = ""
        self.key = ""

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, **headers: str | None) -> Answer:
        """Send a request; a header that is None is left out."""
        given = {"content-type": "application/json" if method == "POST" else None, **headers}
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as made:
            shown = {name.replace("_", "-"): value for name, value in given.items() if value is not None}
            made.request(method, path, b"{}" if method == "POST" else None, shown)
            answer = made.getresponse()
            return Answer(answer.status, answer.headers, answer.read())

    def link(self) -> str:
        """Return the path of a new link."""
        status, document = self.served.ask("POST", "/v1/dashboard")
        assert status == 200
        assert document["url"] == f"{self.origin}{document['path']}"
        assert document["expires_in_s"] == LINK_SECONDS
        return str(document["path"])

    def enter(self) -> Answer:
        """Follow a new link."""
        answer = self.ask("GET", self.link())
        self.cookie = answer.headers["Set-Cookie"].partition(";")[0]
        self.key = answer.key
        return answer

    def visit(self, method: str = "GET", path: str = "/v1/status", **headers: str | None) -> Answer:
        """Ask as the page does."""
        shown: dict[str, str | None] = {"cookie": self.cookie, "x_mamctl_dashboard": self.key}
        shown |= {"sec_fetch_site": "same-origin", "origin": self.origin if method == "POST" else None}
        return self.ask(method, path, **{**shown, **headers})


@pytest.fixture
def browser(served: Served, tmp_path: pathlib.Path) -> Browser:
    return Browser(served, served.open_tcp(tmp_path / "token"))


def test_a_link_brings_the_page_a_cookie_and_a_key_that_are_answered(browser: Browser) -> None:
    answer = browser.enter()
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"mamctl-{browser.port}=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert browser.visit().status == 200
    assert browser.visit("POST", "/v1/services/web/restart").status == 200


def test_a_link_is_good_once(browser: Browser) -> None:
    link = browser.link()
    assert browser.ask("GET", link).status == 200
    again = browser.ask("GET", link)
    assert (again.status, again.headers["Set-Cookie"], again.key) == (401, None, "")
    assert b"<main" in again.body


def test_a_look_at_the_headers_uses_up_no_link(browser: Browser) -> None:
    link = browser.link()
    assert browser.ask("HEAD", link).headers["Set-Cookie"] is None
    assert browser.ask("GET", link).status == 200


def test_who_is_signed_in_may_load_the_page_again_even_by_the_old_link(browser: Browser) -> None:
    browser.enter()
    assert browser.ask("GET", "/dashboard", cookie=browser.cookie).status == 200
    assert browser.ask("GET", "/dashboard?once=gone", cookie=browser.cookie).status == 200
    assert browser.ask("GET", "/dashboard").status == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"cookie": None}, 401), ({"cookie": ""}, 401), ({"cookie": "{cookie}x"}, 401),
        ({"cookie": "a=b; {cookie}"}, 200),
        ({"x_mamctl_dashboard": None}, 401), ({"x_mamctl_dashboard": ""}, 401), ({"x_mamctl_dashboard": "{key}x"}, 401),
        ({"x_mamctl_dashboard": "é"}, 401), ({"cookie": "mamctl-1={cookie}"}, 401),
        ({"sec_fetch_site": "same-site"}, 403), ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": None}, 200),
        ({"origin": "http://127.0.0.1:1"}, 403), ({"origin": "null"}, 403), ({"host": "evil.example"}, 400),
    ],
)  # fmt: skip
def test_cookie_and_key_are_both_needed_and_only_our_own_page_is_answered(
    browser: Browser, headers: dict[str, str | None], status: int
) -> None:
    browser.enter()
    shown = {n: v and v.format(cookie=browser.cookie, key=browser.key) for n, v in headers.items()}
    assert browser.visit(**shown).status == status


def test_the_cookie_of_one_visit_does_not_go_with_the_key_of_another(browser: Browser) -> None:
    browser.enter()
    first = browser.key
    browser.enter()
    assert browser.visit(x_mamctl_dashboard=first).status == 401


def test_a_change_says_its_origin_and_that_it_is_json(browser: Browser) -> None:
    browser.enter()
    path = "/v1/services/web/stop"
    assert browser.visit("POST", path, origin=None).status == 403
    assert browser.visit("POST", path, content_type="text/plain").status == 415
    assert browser.visit("POST", path, x_mamctl_dashboard=None).status == 401
    assert browser.served.operator.calls == []


def test_a_browser_gets_no_terminal(browser: Browser) -> None:
    browser.enter()
    upgrade = {"connection": "Upgrade", "upgrade": "mamctl-attach/1"}
    assert browser.visit("POST", "/v1/services/web/attach", **upgrade).status == 403


def test_another_token_ends_all_visits(browser: Browser, tmp_path: pathlib.Path) -> None:
    browser.enter()
    (tmp_path / "token").write_text("another-token-of-some-length")
    assert browser.visit().status == 401
    os.unlink(tmp_path / "token")
    assert browser.visit().status == 401


def test_a_link_without_a_good_token_file_is_refused_and_not_a_defect(browser: Browser, tmp_path: pathlib.Path) -> None:
    link = browser.link()
    os.unlink(tmp_path / "token")
    assert browser.ask("GET", link).status == 503


def test_without_tcp_there_is_no_link_and_no_page(served: Served) -> None:
    status, document = served.ask("POST", "/v1/dashboard")
    assert (status, document["code"]) == (409, "no_tcp")
    assert "control:" in document["hint"]
    assert served.ask("GET", "/dashboard")[0] == 404


def test_every_file_comes_with_the_strict_headers_and_its_type(browser: Browser) -> None:
    page = browser.ask("GET", "/dashboard").body.decode()
    names = {part.partition('"')[0] for part in page.split('"/dashboard/')[1:]}
    assert names == {"icon.svg", "style.css", "main.js"}
    for path in ["/dashboard", *(f"/dashboard/{name}" for name in sorted(names))]:
        answer = browser.ask("GET", path)
        assert {name: answer.headers[name] for name, _ in HEADERS} == dict(HEADERS)
    assert browser.ask("GET", "/dashboard/main.js").headers["Content-Type"].startswith("text/javascript")
    assert "default-src 'self'" in POLICY
    assert "unsafe" not in POLICY


def test_its_files_load_only_each_other_and_nothing_from_elsewhere() -> None:
    folder = pathlib.Path(pages.__file__).with_name("dashboard")
    files = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    for name, text in files.items():
        wanted = re.findall(r'from "\./([^"]+)"|(?:src|href)="/dashboard/([^"]+)"', text)
        assert {first or second for first, second in wanted} <= files.keys(), name
        assert set(re.findall(r"https?://[\w.]+", text)) <= {"http://www.w3.org"}, name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(| style=", text), name


@pytest.mark.parametrize(
    "path",
    ["/dashboard/index.html", "/dashboard/none.js", "/dashboard/../server.py", "/dashboard/%2e%2e/server.py",
     "/dashboard//etc/passwd", "/dashboard/%2fetc%2fpasswd", "/dashboard/main.js/", "/dashboard/%00"],
)  # fmt: skip
def test_nothing_but_its_own_files_is_given(browser: Browser, path: str) -> None:
    answer = browser.ask("GET", path)
    assert (answer.status, answer.code) == (404, "unknown_path")


def test_a_file_is_only_read(browser: Browser) -> None:
    assert browser.ask("POST", "/dashboard").status == 401
    browser.enter()
    answer = browser.visit("POST", "/dashboard")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET")
    assert browser.ask("GET", "/dashboardx").status == 401


class Clocks:
    """Two clocks that stand still until they are set."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.elapsed = 50.0


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def visitors_of(path: pathlib.Path, clocks: Clocks) -> Visitors:
    return Visitors(TokenFile(str(path / "token")), now=lambda: clocks.now, elapsed=lambda: clocks.elapsed)


def headers_of(visitors: Visitors, link: str) -> dict[str, str]:
    visit = visitors.welcome(link.partition("=")[2], HOST)
    assert visit is not None
    return {"host": HOST, "cookie": visit.cookie.partition(";")[0], "x-mamctl-dashboard": visit.key}


def test_a_link_ends_after_a_minute(tmp_path: pathlib.Path, clocks: Clocks) -> None:
    visitors = visitors_of(tmp_path, clocks)
    early, late = visitors.link(), visitors.link()
    clocks.elapsed += LINK_SECONDS
    assert visitors.welcome(early.partition("=")[2], HOST) is not None
    clocks.elapsed += 0.1
    assert visitors.welcome(late.partition("=")[2], HOST) is None


def test_a_visit_ends_after_a_day(tmp_path: pathlib.Path, clocks: Clocks) -> None:
    visitors = visitors_of(tmp_path, clocks)
    headers = headers_of(visitors, visitors.link())
    clocks.now += VISIT_SECONDS - 1
    visitors.require("GET", headers)
    clocks.now += 2
    with pytest.raises(Refusal, match="not signed in"):
        visitors.require("GET", headers)


def test_the_next_supervisor_knows_the_visit_but_not_the_link(tmp_path: pathlib.Path, clocks: Clocks) -> None:
    first = visitors_of(tmp_path, clocks)
    headers, link = headers_of(first, first.link()), first.link()
    second = visitors_of(tmp_path, clocks)
    second.require("GET", headers)
    assert second.welcome(link.partition("=")[2], HOST) is None


def test_a_visit_cannot_be_made_longer(tmp_path: pathlib.Path, clocks: Clocks) -> None:
    visitors = visitors_of(tmp_path, clocks)
    headers = headers_of(visitors, visitors.link())
    end, dot, rest = headers["cookie"].partition("=")[2].partition(".")
    forged = {**headers, "cookie": f"mamctl-7373={int(end) + 1}{dot}{rest}"}
    with pytest.raises(Refusal, match="not signed in"):
        visitors.require("GET", forged)


def test_links_that_nobody_follows_do_not_pile_up(tmp_path: pathlib.Path, clocks: Clocks) -> None:
    visitors = visitors_of(tmp_path, clocks)
    links = [visitors.link().partition("=")[2] for _ in range(MOST_LINKS + 1)]
    assert visitors.welcome(links[0], HOST) is None
    assert all(visitors.welcome(link, HOST) for link in links[1:])


def test_two_stacks_of_one_machine_have_two_cookies(tmp_path: pathlib.Path, clocks: Clocks) -> None:
    visitors = visitors_of(tmp_path, clocks)
    names: list[Any] = []
    for host in ("127.0.0.1:7373", "127.0.0.1:7374", "localhost", "[::1]:7373"):
        visit = visitors.welcome(visitors.link().partition("=")[2], host)
        assert visit is not None
        names.append(visit.cookie.partition("=")[0])
    assert names == ["mamctl-7373", "mamctl-7374", "mamctl-80", "mamctl-7373"]
