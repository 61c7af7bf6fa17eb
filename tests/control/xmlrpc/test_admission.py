"""Who may call: over TCP who has the token, also as a password, on the tools' own paths; and no web page."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.control.realstack import RealStack, real_stack
from tests.control.serving import PATIENCE, Unix

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from tests.control.serving import Served

CALL = b"<methodCall><methodName>supervisor.getAPIVersion</methodName></methodCall>"
XML = {"Content-Type": "text/xml"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealStack]:
    services = {"web": {"command": ["sleep", "1000"]}}
    with real_stack(tmp_path_factory.mktemp("admission"), "admission", services) as found:
        yield found


def basic(password: str, user: str = "anybody") -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def ask(
    where: RealStack, headers: dict[str, str], method: str = "POST", path: str = "/RPC2", body: bytes | None = CALL
) -> tuple[int, str, Any]:
    """Ask over TCP; return the status, the body and the headers."""
    host = where.url.removeprefix("http://")
    with contextlib.closing(http.client.HTTPConnection(host, timeout=PATIENCE)) as made:
        made.request(method, path, body, headers)
        answer = made.getresponse()
        return answer.status, answer.read(2000).decode(), answer.headers


@pytest.mark.parametrize("path", ["/RPC2", "/RPC2/"])
def test_the_token_is_taken_as_a_password_and_as_a_bearers(stack: RealStack, path: str) -> None:
    for header in (basic(stack.token), basic(stack.token, ""), {"Authorization": f"Bearer {stack.token}"}):
        status, body, headers = ask(stack, XML | header, path=path)
        assert (status, headers["Content-Type"]) == (200, "text/xml")
        assert "<string>3.0</string>" in body


@pytest.mark.parametrize(
    "header",
    [
        {}, basic("wrong"), {"Authorization": "Basic"}, {"Authorization": "Basic !"}, {"Authorization": "Basic YQ=="},
        {"Authorization": "Basic /w=="}, basic(""), {"Authorization": "Digest x"},
    ],
)  # fmt: skip
def test_all_others_are_asked_for_a_password(stack: RealStack, header: dict[str, str]) -> None:
    status, body, headers = ask(stack, XML | header)
    assert (status, headers["WWW-Authenticate"]) == (401, 'Basic realm="mamctl"')
    assert "supervisorctl -u mamctl -p TOKEN" in json.loads(body)["hint"]
    assert stack.token not in body


@pytest.mark.parametrize(
    "path", ["/v1/health", "/v1/status", "/metrics", "/dashboard/x", "/RPC2x", "/logtail", "/%52PC2"]
)
def test_a_password_counts_on_no_other_path(stack: RealStack, path: str) -> None:
    status, _, headers = ask(stack, basic(stack.token), "GET", path, None)
    assert status in (401, 404)
    assert headers.get("WWW-Authenticate", "").startswith("Bearer") or status == 404


@pytest.mark.parametrize(
    "of_browser", [{"Origin": "{url}"}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}]
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/RPC2"), ("GET", "/mainlogtail"), ("GET", "/logtail/web")])
def test_a_browser_is_neither_asked_for_a_password_nor_let_in_by_one(
    stack: RealStack, of_browser: dict[str, str], method: str, path: str
) -> None:
    headers = {name: value.format(url=stack.url) for name, value in of_browser.items()}
    for header in ({}, basic(stack.token)):
        status, _, answered = ask(stack, XML | headers | header, method, path, None)
        assert (status, answered["WWW-Authenticate"]) == (401, 'Bearer realm="mamctl"')


def test_a_page_that_is_visited_without_a_word_of_a_browser_is_not_asked_for_a_password_either(
    stack: RealStack,
) -> None:
    for path in ("/mainlogtail", "/logtail/web"):
        assert ask(stack, {}, "GET", path, None)[2]["WWW-Authenticate"] == 'Bearer realm="mamctl"'


def test_a_stranger_page_is_refused_whatever_it_shows(stack: RealStack) -> None:
    assert ask(stack, XML | basic(stack.token) | {"Origin": "http://evil.example"})[0] == 403
    assert ask(stack, XML | basic(stack.token) | {"Host": "evil.example"})[0] == 400


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/json"]
)
def test_what_a_page_may_send_unasked_is_no_call(stack: RealStack, kind: str | None) -> None:
    headers = basic(stack.token) | ({} if kind is None else {"Content-Type": kind})
    status, body, _ = ask(stack, headers)
    assert (status, json.loads(body)["code"]) == (415, "not_xml")


@pytest.mark.parametrize("kind", ["text/xml", "text/xml; charset=utf-8", "Application/XML"])
def test_xml_has_two_names(stack: RealStack, kind: str) -> None:
    assert ask(stack, basic(stack.token) | {"Content-Type": kind})[0] == 200


@pytest.mark.parametrize("body", [b"", b"<x/>", b"<!DOCTYPE x><methodCall/>", b"\xff\xfe", b"<" * 1000])
def test_garbage_is_told_as_such(stack: RealStack, body: bytes) -> None:
    status, text, _ = ask(stack, XML | basic(stack.token), body=body)
    assert (status, json.loads(text)["code"]) == (400, "bad_xml")
    assert "Traceback" not in text


def test_nobody_types_over_tcp(stack: RealStack) -> None:
    typed = (
        b"<methodCall><methodName>supervisor.sendProcessStdin</methodName><params><param><value>web</value></param>"
        b"<param><value>x</value></param></params></methodCall>"
    )
    assert (
        "NO_FILE: terminals are typed into over the Unix socket only"
        in ask(stack, XML | basic(stack.token), body=typed)[1]
    )


def test_only_a_post_is_a_call_and_only_a_get_a_stream(stack: RealStack) -> None:
    header = basic(stack.token)
    assert ask(stack, header, "GET", body=None)[0] == 405
    assert ask(stack, header | XML, "POST", "/mainlogtail")[0] == 405
    for path in ("/logtail/nosuch", "/logtail/web/stderr", "/logtail/web/nosuch", "/logtail/", "/logtail/web:*"):
        assert ask(stack, header, "GET", path, None)[0] == 404


def _nobody() -> Any:
    raise AssertionError("nobody is to be asked")


def test_without_the_key_it_is_not_there_and_the_key_is_named(served: Served, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "token"
    port = served.open_tcp(file)
    served.server.make_facade = _nobody
    token = file.read_text().strip()
    for header in (basic(token), {"Authorization": f"Bearer {token}"}):
        for method, path in (("POST", "/RPC2"), ("GET", "/mainlogtail")):
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as made:
                made.request(method, path, CALL if method == "POST" else None, XML | header)
                answer = made.getresponse()
                assert (answer.status, answer.reason) == (404, "Not Found")
                assert "`control: {listen: ..., xmlrpc: true}`" in json.loads(answer.read())["hint"]


def test_on_our_own_socket_neither_key_nor_password_is_needed(stack: RealStack) -> None:
    with contextlib.closing(Unix(stack.socket)) as made:
        made.request("POST", "/RPC2", CALL, XML | {"Host": "localhost"})
        assert made.getresponse().status == 200
    with contextlib.closing(Unix(stack.socket)) as made:
        made.request("POST", "/RPC2", CALL, XML | {"Host": "evil.example"})
        assert made.getresponse().status == 400


def test_supervisorctl_has_no_name_for_the_host_of_a_socket_when_it_follows_a_log(stack: RealStack) -> None:
    for path, status in (("/logtail/nosuch", 404), ("/v1/health", 400)):
        with contextlib.closing(Unix(stack.socket)) as made:
            made.request("GET", path, headers={"Host": ""})
            assert made.getresponse().status == status


def test_nothing_of_it_is_imported_before_somebody_asks() -> None:
    modules = ("cli.supervision", "cli.remote", "control.server", "runtime.views")
    code = f"import sys, {', '.join(f'mamctl.{name}' for name in modules)}; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert not [name for name in found.stdout.split() if "xml" in name or name == "mamctl.runtime.programs"]
