"""The dashboard's way in: opened when asked for, kept by the next supervisor, and so are those who came in by it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from mamctl.control.client import ApiError
from tests.runtime.stack import free_port, lives
from tests.runtime.stack import service as misbehaving
from tests.scripted import eventually

if TYPE_CHECKING:
    from tests.system.supervised import Folder

SERVICES: dict[str, Any] = {"web": misbehaving("--print", "up", ready={"log": "up"})}
PATIENCE = 20.0


def invite(folder: Folder, **body: Any) -> str:
    found: dict[str, Any] = folder.client.request("POST", "/v1/dashboard", body)
    return str(found["url"])


def ask(port: int, path: str, **headers: str) -> tuple[int, str, bytes]:
    """Return the status, the cookie and the body."""
    made = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        made.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = made.getresponse()
        return answer.status, (answer.headers["Set-Cookie"] or "").partition(";")[0], answer.read()
    finally:
        made.close()


def entered(url: str) -> tuple[int, dict[str, str]]:
    """Follow a link; return the port, and the headers of the page's requests."""
    parts = urlsplit(url)
    assert parts.port
    status, cookie, body = ask(parts.port, f"{parts.path}?{parts.query}")
    assert status == 200
    key = body.partition(b'name="mamctl-key" content="')[2].partition(b'"')[0].decode()
    return parts.port, {"cookie": cookie, "x_mamctl_dashboard": key}


def test_what_was_opened_for_it_outlives_the_supervisor_and_so_do_visits(folder: Folder) -> None:
    folder.start(SERVICES)
    folder.settle()
    port, page = entered(invite(folder, listen="127.0.0.1:0"))
    unused = urlsplit(invite(folder))
    before = folder.client.request("GET", "/v1/status")["supervisor"]["pid"]
    os.kill(before, signal.SIGKILL)
    eventually(lambda: not lives(before), within=PATIENCE)
    assert ask(port, "/v1/status", **page)[0] == 200  # the socket keeps who comes in between
    after = folder.client.request("GET", "/v1/status")["supervisor"]["pid"]
    folder.pids.append(after)
    assert after != before
    assert ask(port, f"{unused.path}?{unused.query}")[:2] == (401, "")
    assert entered(invite(folder))[0] == port
    folder.down()
    eventually(lambda: not listens(port), within=PATIENCE)


def test_the_manifest_has_the_last_word(folder: Folder) -> None:
    folder.start(SERVICES)
    folder.settle()
    first = urlsplit(invite(folder, listen="127.0.0.1:0")).port
    assert first
    port = free_port()
    folder.write(SERVICES, control={"listen": f"127.0.0.1:{port}"})
    folder.client.request("POST", "/v1/up", {"wait": PATIENCE})
    eventually(lambda: urlsplit(invite(folder, listen="127.0.0.1:0")).port == port, within=PATIENCE)
    eventually(lambda: not listens(first), within=PATIENCE)


@pytest.mark.parametrize(
    "listen", ["0.0.0.0:0", "10.0.0.7:80", "127.0.0.1", "", ":80", "127.0.0.1:x", "127.0.0.1:65536"]
)
def test_only_a_loopback_address_with_a_port_is_opened(folder: Folder, listen: str) -> None:
    folder.start({})
    with pytest.raises(ApiError) as refused:
        invite(folder, listen=listen)
    assert refused.value.status == 400
    assert refused.value.hint


def test_where_the_manifests_port_is_taken_the_reason_is_told(folder: Folder) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        folder.write(SERVICES, control={"listen": f"127.0.0.1:{other.getsockname()[1]}"})
        folder.start()
        with pytest.raises(ApiError, match="in use"):
            invite(folder)
    assert invite(folder)


def test_a_link_can_be_had_at_once_after_the_start(folder: Folder) -> None:
    folder.write(SERVICES, control={"listen": f"127.0.0.1:{free_port()}"})
    folder.start()
    assert entered(invite(folder))


def test_a_port_that_is_taken_is_told_and_another_can_be_asked_for(folder: Folder) -> None:
    folder.start(SERVICES)
    folder.settle()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ApiError, match="in use"):
            invite(folder, listen=f"127.0.0.1:{other.getsockname()[1]}")
    assert invite(folder, listen="localhost:0")


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE).close()
    except OSError:
        return False
    return True
