"""A restart refuses nobody: real servers on held sockets, with a client that connects all the time."""

from __future__ import annotations

import collections
import contextlib
import http.client
import os
import signal
import socket
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mamctl.core.errors import MamctlError
from tests.docs.pages import fences, page
from tests.runtime.stack import free_port, lives
from tests.system.supervised import Folder, end_orphans, within

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.system
# About 200 connections a second, on purpose not all that the machine can do.
PAUSE = 0.005
PATIENCE = 10.0
# The page's own examples: the files, and each manifest by the program that it starts.
FILES = {fence.name: fence.text for fence in fences(page("sockets.md")) if fence.name}
WEB = [
    yaml.safe_load(fence.text)["services"]["web"] for fence in fences(page("sockets.md")) if fence.language == "yaml"
]
SERVERS = {spec["command"][0]: spec for spec in WEB}


class Client(threading.Thread):
    """Makes one request after another, each on a new connection, and counts what becomes of them."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        super().__init__(daemon=True)
        self.port = port
        self.host = host
        self.counts: collections.Counter[str] = collections.Counter()
        self.longest = 0.0
        self._enough = threading.Event()

    def run(self) -> None:
        while not self._enough.wait(PAUSE):
            self.counts[self._once()] += 1

    def finish(self) -> collections.Counter[str]:
        self._enough.set()
        self.join(PATIENCE)
        assert not self.is_alive()
        return self.counts

    def _once(self) -> str:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        try:
            connection.request("GET", "/")
            return str(connection.getresponse().status)
        except ConnectionRefusedError:
            return "refused"
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        finally:
            connection.close()


@contextmanager
def connecting(port: int) -> Iterator[Client]:
    client = Client(port)
    client.start()
    try:
        yield client
    finally:
        client.finish()


def up(folder: Folder, server: str, port: int, **keys: Any) -> None:
    for name, text in FILES.items():
        (folder.path / name).write_text(text)
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    example = {**SERVERS[server], "sockets": {"http": port}, "env": {"PATH": path}}
    spec = {**example, "restart": {"delay": "300ms"}, **keys}
    folder.start({"web": spec})
    assert folder.settle()["ok"], folder.log("web")


def restart(folder: Folder) -> None:
    before = folder.row("web")["pid"]
    folder.client.request("POST", "/v1/services/web/restart", {"wait": PATIENCE})
    after = folder.row("web")
    assert (after["state"], after["pid"] != before) == ("ready", True)


def crash(folder: Folder) -> None:
    before = folder.row("web")["pid"]
    os.kill(before, signal.SIGKILL)
    within(PATIENCE, lambda: folder.row("web")["state"] == "ready" and folder.row("web")["pid"] != before)
    assert not lives(before)


@pytest.mark.parametrize("server", SERVERS)
def test_a_restart_by_the_operator_refuses_and_breaks_nothing(folder: Folder, server: str) -> None:
    port = free_port()
    up(folder, server, port)
    with connecting(port) as client:
        for _ in range(3):
            seen = client.counts["200"]
            within(PATIENCE, lambda seen=seen: client.counts["200"] > seen + 10)
            restart(folder)
    # uvicorn closes what it accepted and has not read from yet: one connection of our one client, at each restart.
    broken = client.counts.total() - client.counts["200"]
    assert client.counts["refused"] == 0
    assert broken <= (3 if server == "uvicorn" else 0), client.counts
    folder.down()
    refused(port)


@pytest.mark.parametrize("server", SERVERS)
def test_a_crash_and_the_time_until_the_next_attempt_refuse_nobody(folder: Folder, server: str) -> None:
    port = free_port()
    up(folder, server, port)
    with connecting(port) as client:
        for _ in range(2):
            seen = client.counts["200"]
            within(PATIENCE, lambda seen=seen: client.counts["200"] > seen + 10)
            crash(folder)
    # What a killed server had accepted dies with it; who only knocked was served by the next one.
    broken = client.counts.total() - client.counts["200"]
    assert client.counts["refused"] == 0
    assert broken <= 2, client.counts


def test_who_connects_while_nobody_listens_is_served_by_the_next_process(folder: Folder) -> None:
    port = free_port()
    up(folder, "python3", port)
    os.kill(folder.row("web")["pid"], signal.SIGKILL)
    within(PATIENCE, lambda: folder.row("web")["state"] == "backoff")
    waiting = [Client(port) for _ in range(20)]
    for client in waiting:
        client.start()
    within(PATIENCE, lambda: all(client.counts["200"] for client in waiting))
    assert all(set(client.finish()) == {"200"} for client in waiting)


def test_one_that_cannot_come_back_refuses_at_once(folder: Folder) -> None:
    port = free_port()
    up(folder, "python3", port, restart={"max_attempts": 0})
    os.kill(folder.row("web")["pid"], signal.SIGKILL)
    within(PATIENCE, lambda: folder.row("web")["state"] == "failed")
    refused(port)
    folder.down()


def refused(port: int) -> None:
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", port)) != 0


def test_the_page_shows_these_servers() -> None:
    assert sorted(SERVERS) == ["gunicorn", "python3", "uvicorn"]
    assert sorted(FILES) == ["app.py", "plain.py", "wsgi.py"]


def test_a_killed_supervisor_leaves_the_socket_to_the_next_one(folder: Folder) -> None:
    port = free_port()
    up(folder, "python3", port)
    with connecting(port) as client:
        for _ in range(2):
            before = folder.client.request("GET", "/v1/status")["supervisor"]
            os.kill(before["pid"], signal.SIGKILL)
            within(PATIENCE, lambda before=before: supervisor(folder) not in (None, before["pid"]))
            seen = client.counts["200"]
            within(PATIENCE, lambda seen=seen: client.counts["200"] > seen + 10)
            restart(folder)
    assert set(client.counts) == {"200"}


def supervisor(folder: Folder) -> int | None:
    """Return the pid of the supervisor that answers, None while none does."""
    try:
        found: int = folder.client.request("GET", "/v1/status")["supervisor"]["pid"]
    except (MamctlError, OSError):
        return None
    return found


def test_a_supervisor_killed_while_its_service_waits_for_the_next_attempt_refuses_nobody(folder: Folder) -> None:
    port = free_port()
    up(folder, "python3", port, restart={"delay": "1s"})
    with connecting(port) as client:
        within(PATIENCE, lambda: client.counts["200"] > 5)
        before = supervisor(folder)
        os.kill(folder.row("web")["pid"], signal.SIGKILL)
        within(PATIENCE, lambda: folder.row("web")["state"] == "backoff")
        assert before is not None
        os.kill(before, signal.SIGKILL)
        seen = client.counts["200"]
        within(PATIENCE, lambda: client.counts["200"] > seen + 10)
        assert supervisor(folder) != before
    assert client.counts["refused"] == 0
    assert client.counts.total() - client.counts["200"] <= 1, client.counts


def kill_both(folder: Folder) -> None:
    """Kill guardian and supervisor; the first is stopped before, so that it cannot start another."""
    about = folder.client.request("GET", "/v1/status")["supervisor"]
    os.kill(about["guardian_pid"], signal.SIGSTOP)
    for pid in (about["pid"], about["guardian_pid"]):
        os.kill(pid, signal.SIGKILL)
    within(PATIENCE, lambda: not lives(about["guardian_pid"]))
    with contextlib.suppress(ChildProcessError):
        os.waitpid(about["guardian_pid"], 0)


def test_when_guardian_and_supervisor_are_dead_the_next_up_finds_the_socket_in_the_service(folder: Folder) -> None:
    port = free_port()
    up(folder, "python3", port)
    kill_both(folder)
    try:
        with connecting(port) as client:
            folder.start()
            assert folder.settle()["ok"]
            assert folder.row("web")["ownership"] == "adopted"
            restart(folder)
            restart(folder)
        assert set(client.counts) == {"200"}
        folder.down()
    finally:
        end_orphans(folder)


def test_a_service_that_died_while_nobody_lived_is_started_by_the_next_up(folder: Folder) -> None:
    port = free_port()
    up(folder, "python3", port)
    pid = folder.row("web")["pid"]
    kill_both(folder)
    os.kill(pid, signal.SIGKILL)
    within(PATIENCE, lambda: not os.path.exists(f"/proc/{pid}"))
    folder.start()
    assert folder.settle()["ok"]
    assert folder.row("web")["pid"] != pid
