"""The way in over TCP outlives the supervisor, follows the manifest, and costs nothing else when it cannot be had."""

from __future__ import annotations

import os
import pathlib
import signal
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from mamctl import ApiError, Client, NoSupervisor
from tests.runtime.stack import free_port, lives
from tests.runtime.stack import service as misbehaving
from tests.scripted import eventually

if TYPE_CHECKING:
    from tests.system.supervised import Folder

SERVICES: dict[str, Any] = {"web": misbehaving("--print", "up", ready={"log": "up"})}
PATIENCE = 20.0


def begin(folder: Folder, **control: Any) -> int:
    """Start a stack that answers over TCP; return the port."""
    port = free_port()
    folder.write(SERVICES, control={"listen": f"127.0.0.1:{port}", **control})
    folder.start()
    folder.settle()
    eventually(lambda: answers(port), within=PATIENCE)
    return port


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True


def client_of(folder: Folder, port: int) -> Client:
    token = pathlib.Path(folder.place.home, "token").read_text().strip()
    return Client(f"http://127.0.0.1:{port}", token=token, timeout=PATIENCE)


def brain(folder: Folder) -> int:
    return int(folder.client.request("GET", "/v1/status")["supervisor"]["pid"])


def kinds(folder: Folder, kind: str) -> list[dict[str, Any]]:
    return [event for event in folder.events() if event["type"] == kind]


def test_after_kill_9_of_the_supervisor_no_connection_is_refused(folder: Folder) -> None:
    port = begin(folder)
    with client_of(folder, port) as client:
        before = client.status()
        os.kill(before["supervisor"]["pid"], signal.SIGKILL)
        # Nobody waits here: whoever comes in between is kept waiting by the socket itself.
        after = client.status()
        assert after["supervisor"]["pid"] != before["supervisor"]["pid"]
        assert after["services"][0]["pid"] == before["services"][0]["pid"]
        folder.pids.append(after["supervisor"]["pid"])


def test_over_a_reexec_requests_wait_and_changes_are_made_once(folder: Folder) -> None:
    port = begin(folder)
    with client_of(folder, port) as client:
        first = client.status()["supervisor"]["pid"]
        problems: list[BaseException] = []
        ended = threading.Event()

        def ask() -> None:
            try:
                while not ended.is_set():
                    assert client.up(wait=PATIENCE)["ok"]
            except BaseException as problem:  # noqa: BLE001 - it is raised where the test ends
                problems.append(problem)

        thread = threading.Thread(target=ask)
        thread.start()
        second = client.reexec()["supervisor"]["pid"]
        folder.pids.append(second)
        ended.set()
        thread.join(PATIENCE)
        assert problems == []
        assert second != first
        assert client.service("web")["generation"] == 1


def test_followed_events_go_on_over_a_kill_without_a_gap(folder: Folder) -> None:
    port = begin(folder)
    numbers: list[int] = []
    with client_of(folder, port) as client:
        since = folder.events()[-1]["seq"]

        def follow() -> None:
            numbers.extend(event["seq"] for event in client.events(since=since, follow=True))

        thread = threading.Thread(target=follow)
        thread.start()
        client.restart("web", wait=PATIENCE)
        os.kill(brain(folder), signal.SIGKILL)
        folder.pids.append(client.status()["supervisor"]["pid"])
        client.restart("web", wait=PATIENCE)
        client.down(wait=PATIENCE)
        thread.join(PATIENCE)
        assert not thread.is_alive()
        assert numbers == list(range(since + 1, numbers[-1] + 1))
        assert numbers[-1] == folder.events()[-1]["seq"]


def test_down_over_tcp_leaves_no_listener(folder: Folder) -> None:
    port = begin(folder)
    with client_of(folder, port) as client:
        assert client.down(wait=PATIENCE)["settled"]
    folder.ended(folder.pids[-1])
    with client_of(folder, port) as client, pytest.raises(NoSupervisor):
        client.status()


def test_the_manifest_moves_it_and_takes_it_away(folder: Folder) -> None:
    first, second = begin(folder), free_port()
    folder.write(SERVICES, control={"listen": f"127.0.0.1:{second}"})
    folder.client.request("POST", "/v1/up", {"wait": PATIENCE}, timeout=PATIENCE)
    eventually(lambda: answers(second) and not answers(first), within=PATIENCE)
    with client_of(folder, second) as client:
        assert client.service("web")["generation"] == 1
    folder.write(SERVICES)
    folder.client.request("POST", "/v1/up", {"wait": PATIENCE}, timeout=PATIENCE)
    eventually(lambda: not answers(second), within=PATIENCE)
    assert folder.row("web")["state"] == "ready"


@pytest.mark.slow  # it is tried again every five seconds
def test_a_port_that_is_taken_is_told_once_and_had_as_soon_as_it_is_free(folder: Folder) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        folder.write(SERVICES, control={"listen": f"127.0.0.1:{port}"})
        folder.start()
        folder.settle()
        eventually(lambda: kinds(folder, "api-error"), within=PATIENCE)
    (told,) = kinds(folder, "api-error")
    assert f"port {port}: address already in use" in told["data"]["detail"]
    eventually(lambda: answers(port), within=PATIENCE)
    with client_of(folder, port) as client:
        assert client.service("web")["state"] == "ready"
    assert len(kinds(folder, "api-error")) == 1


def test_a_token_that_others_can_read_opens_nothing(folder: Folder) -> None:
    port = free_port()
    file = folder.path / "token"
    file.write_text("a-token-of-some-length")
    file.chmod(0o644)
    folder.write(SERVICES, control={"listen": f"127.0.0.1:{port}", "token_file": "token"})
    folder.start()
    folder.settle()
    eventually(lambda: kinds(folder, "api-error"), within=PATIENCE)
    assert "can be read by others" in kinds(folder, "api-error")[0]["data"]["detail"]
    assert not answers(port)


def test_the_metrics_name_the_guardian(folder: Folder) -> None:
    port = begin(folder)
    with client_of(folder, port) as client:
        guardian = client.status()["supervisor"]["guardian_pid"]
        assert guardian is not None
        assert lives(guardian)
        lines = client.metrics().splitlines()
        assert "mamctl_guardian_up 1" in lines
        assert f"mamctl_guardian_pid {guardian}" in lines


def test_another_token_opens_nothing(folder: Folder) -> None:
    port = begin(folder)
    with Client(f"http://127.0.0.1:{port}", token="another-token-of-some-length") as client:
        with pytest.raises(ApiError) as caught:
            client.status()
        assert caught.value.status == 401
