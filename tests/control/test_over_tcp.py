"""Over TCP only who has the token is answered, and only by our own names; nobody there can keep the owner out."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import stat
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from mamctl.control import server as server_module
from mamctl.control.admission import OverTcp
from mamctl.control.protocol import Refusal
from mamctl.control.secret import TokenFile
from mamctl.control.tcp import listen
from mamctl.core.errors import MamctlError
from tests.scripted import eventually

if TYPE_CHECKING:
    import pathlib

    from tests.control.serving import Served

PATIENCE = 10.0


class Tcp(NamedTuple):
    """An open way in over TCP."""

    served: Served
    port: int
    token: str
    file: pathlib.Path

    def ask(
        self, method: str = "GET", path: str = "/v1/health", body: bytes | None = None, **headers: str | None
    ) -> tuple[int, Any]:
        """Send a request with the token; a header that is None is left out."""
        given = {"authorization": f"Bearer {self.token}", **headers}
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as made:
            made.putrequest(method, path, skip_host="host" in given)
            for name, value in given.items():
                if value is not None:
                    made.putheader(name.replace("_", "-"), value)
            if body is not None:
                made.putheader("Content-Length", str(len(body)))
            made.endheaders(body)
            answer = made.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None


@pytest.fixture
def tcp(served: Served, tmp_path: pathlib.Path) -> Tcp:
    file = tmp_path / "made" / "token"
    port = served.open_tcp(file)
    return Tcp(served, port, file.read_text().strip(), file)


def test_with_the_token_it_answers_as_the_socket_does(tcp: Tcp) -> None:
    assert tcp.ask() == (200, {"status": "healthy"})
    assert tcp.ask("GET", "/v1/status")[1] == tcp.served.ask("GET", "/v1/status")[1]
    assert tcp.ask("POST", "/v1/up", b"{}", content_type="application/json")[0] == 200
    assert tcp.ask(authorization=f"bearer   {tcp.token}")[0] == 200


@pytest.mark.parametrize(
    "given",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic {token}", "{token}", "Bearer {token}x", "Bearer x{token}"],
)
@pytest.mark.parametrize("path", ["/v1/health", "/v1/none", "/metrics", "/v1/logs"])
def test_without_the_token_nothing_is_told(tcp: Tcp, given: str | None, path: str) -> None:
    header = None if given is None else given.format(token=tcp.token)
    status, document = tcp.ask("GET", path, authorization=header)
    assert (status, document["code"]) == (401, "unauthorized")
    assert tcp.token not in json.dumps(document)


def test_who_has_no_token_is_refused_before_he_has_sent_his_body(tcp: Tcp) -> None:
    with socket.create_connection(("127.0.0.1", tcp.port), PATIENCE) as made:
        made.sendall(b"POST /v1/up HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n{")
        assert made.recv(1 << 16).startswith(b"HTTP/1.1 401 ")


def test_the_refusal_says_which_scheme(tcp: Tcp) -> None:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", tcp.port, timeout=PATIENCE)) as made:
        made.request("GET", "/v1/health")
        answer = made.getresponse()
        answer.read()
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="mamctl"'


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200), ("127.0.0.1:7373", 200), ("[::1]:1", 200), ("10.0.0.7:80", 200), ("mamctl", 200),
        ("evil.example", 400), ("localhost.evil.example", 400), ("127.0.0.1.evil.example:7373", 400), ("", 400),
        ("x@localhost/", 400),
    ],
)  # fmt: skip
def test_only_our_own_names_and_addresses_are_hosts(tcp: Tcp, host: str, status: int) -> None:
    found, document = tcp.ask(host=host)
    assert found == status
    assert status == 200 or document["code"] == "bad_host"


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:7373", 200), ("https://localhost:7373", 200), ("http://LOCALHOST:7373", 200),
        ("http://localhost", 403), ("http://localhost:8080", 403), ("http://evil.example", 403), ("null", 403),
        ("", 403), ("http://localhost:7373.evil.example", 403),
    ],
)  # fmt: skip
def test_a_web_page_is_answered_only_if_it_is_our_own(tcp: Tcp, origin: str, status: int) -> None:
    assert tcp.ask(host="localhost:7373", origin=origin)[0] == status


def test_a_change_must_say_that_it_is_json_even_without_a_body(tcp: Tcp) -> None:
    for kind in (None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        for body in (None, b"{}"):
            status, document = tcp.ask("POST", "/v1/down", body, content_type=kind)
            assert (status, document["code"]) == (415, "not_json")
    assert tcp.served.operator.calls == []


def test_another_token_counts_as_soon_as_the_file_has_it(tcp: Tcp) -> None:
    tcp.file.write_text("another-token-of-some-length")
    assert tcp.ask()[0] == 401
    assert tcp.ask(authorization="Bearer another-token-of-some-length")[0] == 200


@pytest.mark.parametrize("harm", ["unlink", "empty", "chmod"])
def test_without_a_good_file_nobody_is_let_in(tcp: Tcp, harm: str) -> None:
    {"unlink": tcp.file.unlink, "empty": lambda: tcp.file.write_text(""), "chmod": lambda: tcp.file.chmod(0o644)}[
        harm
    ]()
    assert tcp.ask()[0] == 401
    assert tcp.ask(authorization="Bearer ")[0] == 401


def test_those_without_a_token_cannot_keep_the_owner_out(tcp: Tcp, monkeypatch: pytest.MonkeyPatch) -> None:
    tcp.served.soon(lambda: setattr(tcp.served.server._tcp, "_most", 3))
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(socket.create_connection(("127.0.0.1", tcp.port), PATIENCE))
        eventually(lambda: tcp.served.server.connections == 3)
        assert tcp.ask()[0] == 503
        assert tcp.served.ask("GET", "/v1/health")[0] == 200
    assert server_module.MOST_TCP_CONNECTIONS < server_module.MOST_CONNECTIONS


def test_another_listener_takes_the_place_of_the_one_before_and_its_clients(tcp: Tcp, tmp_path: pathlib.Path) -> None:
    with socket.create_connection(("127.0.0.1", tcp.port), PATIENCE) as made:
        eventually(lambda: tcp.served.server.connections == 1)
        port = tcp.served.open_tcp(tcp.file)
        assert made.recv(1) == b""
    assert tcp._replace(port=port).ask()[0] == 200
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", tcp.port), PATIENCE)


# The token's file --------------------------------------------------------------------------------------------------


def test_a_missing_file_is_made_for_its_owner_alone(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a" / "token"
    before = os.umask(0)
    try:
        found = TokenFile(str(path))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    token = path.read_text().strip()
    assert len(token) == 43
    assert found.matches(token)
    assert TokenFile(str(path)).matches(token)
    assert list(path.parent.iterdir()) == [path]


def test_two_files_have_two_tokens(tmp_path: pathlib.Path) -> None:
    for name in "ab":
        TokenFile(str(tmp_path / name))
    assert (tmp_path / "a").read_text() != (tmp_path / "b").read_text()


@pytest.mark.parametrize("given", ["", "x", "\u00e9", "\udcff", "a" * 100_000])
def test_nothing_odd_is_the_token(tmp_path: pathlib.Path, given: str) -> None:
    assert not TokenFile(str(tmp_path / "token")).matches(given)


def test_a_file_that_others_can_read_is_refused_with_what_to_do(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "token"
    path.write_text("a-token-of-some-length")
    path.chmod(0o640)
    with pytest.raises(MamctlError, match="can be read by others") as caught:
        TokenFile(str(path))
    assert caught.value.hint == f"chmod 600 {path}"


@pytest.mark.parametrize("text", ["", "\n", "short", "x" * 2000])
def test_a_file_without_a_token_is_refused(tmp_path: pathlib.Path, text: str) -> None:
    path = tmp_path / "token"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(MamctlError, match="holds no token"):
        TokenFile(str(path))


def test_what_is_no_file_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(MamctlError, match="is no file"):
        TokenFile(str(tmp_path))
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(MamctlError, match="no such file"):
        TokenFile(str(tmp_path / "link"))
    (tmp_path / "f").write_text("")
    with pytest.raises(MamctlError, match="cannot be used"):
        TokenFile(str(tmp_path / "f" / "token"))


# The listener ------------------------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_told_with_what_to_do() -> None:
    with listen("127.0.0.1", 0) as first, pytest.raises(MamctlError, match="already in use") as caught:
        listen("127.0.0.1", first.getsockname()[1])
    assert "ss -ltnp" in str(caught.value.hint)


def test_a_host_that_is_not_ours_is_told() -> None:
    with pytest.raises(MamctlError, match=r"cannot listen on 192\.0\.2\.1"):
        listen("192.0.2.1", 0)


def test_the_kept_socket_is_taken_if_it_has_the_address() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with listen("127.0.0.1", port, [os.dup(first.fileno())]) as again:
            assert again.getsockname() == first.getsockname()
        with listen("127.0.0.1", 0, [os.dup(first.fileno())]) as other:
            assert other.getsockname()[1] != port


def test_other_machines_may_use_our_own_name(tmp_path: pathlib.Path) -> None:
    token = TokenFile(str(tmp_path / "token"))
    headers = {"host": f"{socket.gethostname()}:7373"}
    with pytest.raises(Refusal, match="a token is required"):
        OverTcp(token, "0.0.0.0")(headers)
    if socket.gethostname().lower() not in ("localhost", "mamctl"):
        with pytest.raises(Refusal, match="names somebody else"):
            OverTcp(token, "127.0.0.1")(headers)
