"""Clients that leave while they wait give their place back at once; what they asked for goes on."""

from __future__ import annotations

import json
import socket
import xmlrpc.client
from typing import TYPE_CHECKING, Any

import pytest

from tests.control.realstack import PATIENCE, RealStack, real_stack
from tests.control.serving import rest_of
from tests.control.xmlrpc.calling import calling
from tests.scripted import eventually

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from tests.control.serving import Served

DEAF = ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.05; done"]
# What it waits for is written by the test.
SLOW = {"command": ["sh", "-c", "while [ ! -e go ]; do sleep 0.02; done; echo up; sleep 1000"], "ready": {"log": "up"}}
SERVICES: dict[str, Any] = {
    "slow": {**SLOW, "manual": True},
    "late": {**SLOW, "manual": True},
}


@pytest.fixture
def stack(tmp_path: pathlib.Path) -> Iterator[RealStack]:
    with real_stack(tmp_path, "leaving", SERVICES) as found:
        yield found


def post(path: str, body: bytes, *more: str, kind: str = "application/json") -> bytes:
    """Return a whole request."""
    head = [f"POST {path} HTTP/1.1", "Host: mamctl", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *more]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def call(name: str, *params: Any) -> bytes:
    """Return the request that calls a method of supervisord."""
    return post("/RPC2", xmlrpc.client.dumps(params, name).encode(), kind="text/xml")


def waiting(path: str = "/v1/up", *more: str, **body: Any) -> bytes:
    """Return a request that waits for an hour."""
    return post(path, json.dumps({**body, "wait": 3600}).encode(), *more)


def connected(stack: RealStack, request: bytes) -> socket.socket:
    """Return a connection on which a request was sent."""
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(PATIENCE)
    made.connect(stack.socket)
    made.sendall(request)
    return made


@pytest.mark.parametrize(
    "request_",
    [waiting(), waiting("/v1/services/web/start"), b"GET /v1/wait?timeout=3600 HTTP/1.1\r\nHost: mamctl\r\n\r\n"],
)
def test_who_leaves_gives_the_place_back_and_the_change_is_made(served: Served, request_: bytes) -> None:
    served.soon(served.operator.held.clear)
    with served.connection() as made:
        made.sendall(request_)
        eventually(lambda: served.operator.calls)
        assert served.server.connections == 1
    eventually(lambda: served.server.connections == 0)
    assert len(served.operator.calls) == 1


def test_a_change_is_made_also_for_who_leaves_at_once(served: Served) -> None:
    served.soon(served.operator.held.clear)
    for number in range(10):
        with served.connection() as made:
            made.sendall(waiting())
        eventually(lambda number=number: len(served.operator.calls) == number + 1)
    eventually(lambda: served.server.connections == 0)


def test_over_tcp_it_is_the_same(served: Served, tmp_path: pathlib.Path) -> None:
    served.soon(served.operator.held.clear)
    port = served.open_tcp(tmp_path / "token")
    token = (tmp_path / "token").read_text().strip()
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as made:
        made.sendall(waiting("/v1/up", f"Authorization: Bearer {token}"))
        eventually(lambda: served.operator.calls)
    eventually(lambda: served.server.connections == 0)


def test_who_only_says_no_more_still_gets_the_answer(served: Served) -> None:
    served.soon(served.operator.held.clear)
    with served.connection() as made:
        made.sendall(waiting("/v1/up", "Connection: close"))
        made.shutdown(socket.SHUT_WR)
        eventually(lambda: served.operator.calls)
        served.soon(served.operator.held.set)
        assert rest_of(made).endswith(b'{"ok": true, "calls": 1}')


def test_a_request_that_is_sent_early_is_answered_in_its_turn(served: Served) -> None:
    served.soon(served.operator.held.clear)
    with served.connection() as made:
        made.sendall(waiting())
        eventually(lambda: served.operator.calls)
        made.sendall(b"GET /v1/health HTTP/1.1\r\nHost: mamctl\r\nConnection: close\r\n\r\n")
        served.soon(served.operator.held.set)
        said = rest_of(made)
    assert said.index(b'"calls": 1') < said.index(b"healthy")


@pytest.mark.parametrize("request_", [waiting("/v1/up", "X-Request-Id: abc"), waiting("/v1/down")])
def test_an_answer_that_is_promised_and_the_end_of_all_are_not_given_up(served: Served, request_: bytes) -> None:
    served.soon(served.operator.held.clear)
    with served.connection() as made:
        made.sendall(request_)
        eventually(lambda: served.operator.calls)
    assert served.ask("GET", "/v1/health")[0] == 200
    eventually(lambda: served.server.connections == 1)
    served.soon(served.operator.held.set)
    eventually(lambda: served.server.connections == 0)


@pytest.mark.parametrize(
    "request_",
    [
        call("supervisor.startProcess", "slow", True),
        call("supervisor.startProcessGroup", "slow"),
        call("supervisor.startAllProcesses"),
        call(
            "system.multicall",
            [{"methodName": "supervisor.startProcess", "params": [name]} for name in ("late", "slow")],
        ),
    ],
    ids=["one", "group", "all", "several"],
)
def test_a_tool_that_leaves_while_it_waits_for_a_start_gives_its_place_back(stack: RealStack, request_: bytes) -> None:
    with calling(stack.socket) as ask:
        with connected(stack, request_):
            eventually(lambda: "STARTING" in (ask.state("slow"), ask.state("late")), within=PATIENCE)
            assert stack.server.connections == 2
        eventually(lambda: stack.server.connections == 1, within=PATIENCE)
        eventually(lambda: ask.state("slow") == "STARTING", within=PATIENCE)
        (stack.folder / "go").touch()
        eventually(lambda: ask.state("slow") == "RUNNING", within=PATIENCE)


def test_a_tool_that_leaves_while_it_waits_for_a_stop_does_so_too(tmp_path: pathlib.Path) -> None:
    deaf = {"command": DEAF, "ready": {"log": "deaf"}, "stop": {"grace": 15}}
    with real_stack(tmp_path, "stopping", {"deaf": deaf}) as stack, calling(stack.socket) as ask:
        with connected(stack, call("supervisor.stopProcess", "deaf")):
            eventually(lambda: ask.state("deaf") == "STOPPING", within=PATIENCE)
        eventually(lambda: stack.server.connections == 1, within=PATIENCE)
        assert ask.state("deaf") == "STOPPING"
        assert ask("signalProcess", "deaf", "KILL") in (True, 70)
        eventually(lambda: ask.state("deaf") == "STOPPED", within=PATIENCE)
