"""`mamctl.Client` and `mamctl.AsyncClient` against a real stack: every method, every way there, every refusal."""

from __future__ import annotations

import asyncio
import inspect
import json
import socket
import subprocess
import sys
import threading
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

import mamctl
from mamctl import ApiError, AsyncClient, Client, NoSupervisor, TimedOut
from mamctl.control import calls
from mamctl.core.errors import UsageError
from tests.control.realstack import RealStack, real_stack
from tests.scripted import eventually

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealStack]:
    with real_stack(tmp_path_factory.mktemp("sdk")) as found:
        yield found


WAYS: dict[str, Callable[[RealStack], Any]] = {
    "manifest": lambda stack: {"where": stack.manifest},
    "folder": lambda stack: {"where": str(stack.folder)},
    "socket": lambda stack: {"where": stack.socket},
    "url": lambda stack: {"where": stack.url, "token": stack.token},
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_stack_is_found_by_its_manifest_its_folder_its_socket_or_a_url(stack: RealStack, way: Any) -> None:
    with Client(**way(stack)) as client:
        assert client.status()["name"] == "real"
        assert set(client.services()) == {"web", "idle", "task", "broken", "crew-1"}

    async def scenario() -> str:
        async with AsyncClient(**way(stack)) as client:
            return (await client.status())["name"]

    assert asyncio.run(scenario()) == "real"


def test_without_a_word_it_is_the_nearest_or_that_of_the_environment(
    stack: RealStack, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    below = stack.folder / "logs"
    monkeypatch.chdir(below)
    with Client() as client:
        assert client.status()["name"] == "real"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAMCTL_FILE", str(stack.manifest))
    with Client() as client:
        assert client.status()["name"] == "real"
    monkeypatch.delenv("MAMCTL_FILE")
    with pytest.raises(UsageError, match=r"no services\.yaml"):
        Client()


def test_the_token_may_come_from_the_environment(stack: RealStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAMCTL_TOKEN_FILE", str(stack.folder / "token"))
    with Client(stack.url) as client:
        assert client.service("web")["state"] == "ready"
    monkeypatch.setenv("MAMCTL_TOKEN", "not-this-one-at-all")
    with Client(stack.url) as client, pytest.raises(ApiError) as caught:
        client.status()
    assert (caught.value.status, caught.value.code, caught.value.exit_code) == (401, "unauthorized", 4)
    with Client(stack.url, token=stack.token) as client:
        assert client.status()["name"] == "real"


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:1",
        "http://",
        "http://h:port",
        "http://u@h:1",
        "http://h:1/path",
        "http://h:1/?q=1",
        "http://[",
    ],
)
def test_what_is_no_address_of_a_supervisor_is_told(url: str) -> None:
    with pytest.raises(UsageError):
        Client(url, token="x" * 20)


def test_without_a_token_no_url_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MAMCTL_TOKEN", "MAMCTL_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match="wants a token"):
        Client("http://127.0.0.1:1")
    with pytest.raises(UsageError, match="no header can have"):
        Client("http://127.0.0.1:1", token="a b\r\nX: y")


def test_everything_can_be_asked_and_done(stack: RealStack) -> None:
    with Client(stack.socket) as client:
        assert client.up(profiles=["none"], wait=10)["ok"]
        assert client.restart("web", "idle", wait=10)["ok"]
        assert client.stop("idle", wait=10)["running_dependants"] == []
        assert client.wait("idle", goal="stopped", timeout=5)["ok"]
        assert client.start("idle", wait=10)["ok"]
        assert client.signal("idle", "CONT")["services"] == ["idle"]
        assert client.graph()["layers"]
        assert client.ports() == []
        assert "mamctl_service_state" in client.metrics()
        assert [line["line"] for line in client.logs("web", tail=1)] == ["two"]
        numbers = [event["seq"] for event in client.events(since=0)]
        assert numbers == list(range(1, numbers[-1] + 1))
        assert next(event["seq"] for event in client.events(since=numbers[-2])) == numbers[-1]
        assert [one["now"] for one in client.scale("crew", 2)["scaled"]] == [2]
        assert client.stop("crew")["ok"]
        assert client.scale_several({"crew": 2})["scaled"] == []
        assert client.scale("crew", 0, wait=10)["removed"] == ["crew-1", "crew-2"]
        assert client.up("crew", wait=10)["scaled"] == [{"service": "crew", "before": 0, "now": 1}]
        with pytest.raises(ApiError, match="replicas") as caught:
            client.scale("web", 3)
        assert caught.value.status == 409


def test_everything_can_be_awaited(stack: RealStack) -> None:
    async def scenario() -> None:
        async with AsyncClient(stack.url, token=stack.token) as client:
            assert (await client.up(wait=10))["ok"]
            assert (await client.restart("idle", wait=10))["ok"]
            assert (await client.stop("idle", wait=10))["ok"]
            assert (await client.wait("idle", goal="stopped"))["ok"]
            assert (await client.start("idle", wait=10))["ok"]
            assert (await client.signal("idle", 18))["signal"] == 18
            assert (await client.service("idle"))["state"] == "ready"
            assert (await client.graph())["services"]
            assert await client.ports() == []
            assert "mamctl_service_state" in await client.metrics()
            assert [line["line"] async for line in client.logs("web", tail=1)] == ["two"]
            assert len([event async for event in client.events()]) > 3
            assert (await client.scale("crew", 1))["scaled"] == []
            assert (await client.scale_several({"crew": 1}))["scaled"] == []
            assert len(await client.services()) == 5

    asyncio.run(scenario())


def test_both_have_the_same_methods_with_the_same_parameters() -> None:
    def methods(kind: type) -> dict[str, Any]:
        return {name: found for name, found in vars(kind).items() if not name.startswith("_") and callable(found)}

    plain, awaited = methods(Client), methods(AsyncClient)
    assert plain.keys() == awaited.keys()
    for name, found in plain.items():
        assert inspect.signature(found).parameters == inspect.signature(awaited[name]).parameters, name
        assert found.__doc__ == awaited[name].__doc__


def test_following_logs_and_events_goes_on(stack: RealStack) -> None:
    with Client(stack.socket) as client:
        kinds: list[str] = []
        names: list[str] = []

        def follow() -> None:
            for event in client.events(follow=True):
                kinds.append(event["type"])
                if "started" in kinds:
                    return

        def read() -> None:
            for record in client.logs("web", tail=0, follow=True):
                names.append(record["line"])  # type: ignore[typeddict-item]  # nobody is too slow here
                if len(names) == 2:
                    return

        threads = [threading.Thread(target=follow), threading.Thread(target=read)]
        for thread in threads:
            thread.start()
        eventually(lambda: stack.server.connections >= 2)
        assert client.restart("web", wait=10)["ok"]
        for thread in threads:
            thread.join(10)
        assert kinds[0] == "stopping"
        assert names == ["one", "two"]


def test_who_is_too_slow_is_not_waited_for(stack: RealStack) -> None:
    with Client(stack.socket, timeout=0.2) as client, pytest.raises(ApiError):
        client.service("none")
    with Client(stack.socket, timeout=0.05) as client, pytest.raises(TimedOut):
        client._ask(
            calls.get("/v1/wait", services="broken", for_="stopped", timeout=0.0)._replace(
                path="/v1/wait", params={"services": "web", "for": "stopped", "timeout": "2s"}
            )
        )


def test_nobody_there_is_told_with_what_to_do(tmp_path: pathlib.Path) -> None:
    (tmp_path / "services.yaml").write_text("services: {}\n")
    with Client(tmp_path) as client, pytest.raises(NoSupervisor, match="no supervisor answers") as caught:
        client.up()
    assert caught.value.hint == "`mamctl up -d` starts one"
    with Client(tmp_path) as client, pytest.raises(NoSupervisor):
        list(client.events(follow=True))
    with Client(tmp_path) as client, pytest.raises(NoSupervisor):
        list(client.logs())


class Flaky:
    """A server that leaves the first `losses` requests without an answer, as one does that is being replaced."""

    def __init__(self, path: str, losses: int) -> None:
        self.identities: list[str] = []
        self._losses = losses
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(8)

    def run(self) -> None:
        while True:
            try:
                made, _ = self.listener.accept()
            except OSError:
                return
            with made:
                self._serve(made)

    def _serve(self, made: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += made.recv(1 << 16)
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if ": " in line)
        self.identities.append({name.lower(): value for name, value in fields.items()}.get("x-request-id", ""))
        if len(self.identities) > self._losses:
            body = json.dumps({"ok": True}).encode()
            kind = b"Content-Type: application/json\r\nConnection: close\r\n"
            made.sendall(b"HTTP/1.1 200 \r\n%bContent-Length: %d\r\n\r\n%b" % (kind, len(body), body))


@contextmanager
def flaky(tmp_path: pathlib.Path, losses: int) -> Iterator[tuple[Flaky, str]]:
    path = str(tmp_path / "x.sock")
    server = Flaky(path, losses)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server, path
    finally:
        server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()
        thread.join(5)


def test_a_change_that_got_no_answer_is_sent_again_with_the_same_id(tmp_path: pathlib.Path) -> None:
    with flaky(tmp_path, 3) as (server, path), Client(path) as client:
        assert client.up()["ok"]
        assert client.up()["ok"]
    first, second = server.identities[0], server.identities[-1]
    assert server.identities == [first] * 4 + [second]
    assert first != second != ""


def test_it_is_awaited_just_so(tmp_path: pathlib.Path) -> None:
    async def scenario(path: str) -> None:
        async with AsyncClient(path) as client:
            assert (await client.up())["ok"]

    with flaky(tmp_path, 2) as (server, path):
        asyncio.run(scenario(path))
    assert len(set(server.identities)) == 1


def test_one_that_never_answers_is_given_up(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "RETRY_SECONDS", 0.05)
    with flaky(tmp_path, 10_000) as (_, path), Client(path) as client, pytest.raises(NoSupervisor):
        client.up()


def test_a_break_in_following_awaited_events_ends_with_an_error(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "RETRY_SECONDS", 0.05)

    async def scenario(path: str) -> None:
        async with AsyncClient(path) as client, aclosing(client.events(since=0, follow=True)) as events:
            with pytest.raises(NoSupervisor):
                await anext(events)

    with flaky(tmp_path, 10_000) as (_, path):
        asyncio.run(scenario(path))


def test_a_program_that_imports_the_client_first_can_serve_the_same_endpoints() -> None:
    script = (
        "import mamctl.control.sdk, mamctl.control.server; from mamctl.control.endpoint import TABLE;"
        "print(next(one.media for one in TABLE.all if one.path == '/v1/events'))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "application/json\n"


def test_the_names_are_there_without_being_imported_before() -> None:
    assert {"Client", "AsyncClient", "ApiError", "NoSupervisor", "TimedOut"} <= set(mamctl.__all__)
    assert all(getattr(mamctl, name) for name in mamctl.__all__)
    with pytest.raises(AttributeError):
        mamctl.Nothing  # noqa: B018 - it is the question
