"""No update is lost, however often clients are torn off and the backend dies."""

import json
import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from running_backend import RunningBackend, running_backend
from websockets.sync.client import ClientConnection, connect

pytestmark = pytest.mark.system

EVENTS = "/api/v1/events"
UPDATES = 1000


def test_a_thousand_updates_over_fifty_forced_reconnects_and_a_killed_backend_lose_none(folder):
    with ThreadPoolExecutor(1) as pool:
        with running_backend(folder, worker=False) as server:
            start = server.get(EVENTS).json()
            page = Page(start["epoch"], start["latest"])
            written = pool.submit(write_updates, folder / "data" / "mam.db")
            for _ in range(25):
                page.follow(server, page.last + 20)
            server.process.kill()
            server.process.wait(5)
        with running_backend(folder, worker=False) as server:
            for _ in range(24):
                page.follow(server, page.last + 20)
            written.result(20)
            page.follow(server, server.get(EVENTS).json()["latest"])
            assert page.torn == 50
            assert page.seen == list(range(start["latest"] + 1, start["latest"] + UPDATES + 1))


class Page:
    """A client that notes the number of every update, and loses its connection again and again."""

    def __init__(self, epoch: str, last: int) -> None:
        self.epoch, self.last, self.torn = epoch, last, 0
        self.seen: list[int] = []

    def follow(self, server: RunningBackend, until: int) -> None:
        """Go on after the last number until that one has come, then have the connection torn."""
        with connect(server.ws, proxy=None, open_timeout=5, close_timeout=0.1) as client:
            resume(client, self.last, self.epoch)
            while self.last < until:
                self.last = receive(client)["seq"]
                self.seen.append(self.last)
            client.socket.shutdown(socket.SHUT_RDWR)
        self.torn += 1


def receive(client: ClientConnection) -> dict:
    message: dict = json.loads(client.recv(timeout=5))
    return message if message["type"] != "jobs" else receive(client)


def resume(client: ClientConnection, since: int, epoch: str) -> None:
    """Ask to go on after ``since``; what was under way before the answer is passed over, as a page does."""
    client.send(json.dumps({"type": "resume", "since": since, "epoch": epoch}))
    while (message := receive(client))["type"] != "resumed":
        assert message["type"] != "resync_required"


def write_updates(path: Path) -> None:
    """Change an asset so many times, as another process would."""
    with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as connection:
        connection.execute(
            "INSERT INTO media_assets (title, file_path, media_type, mime_type) VALUES ('a', 'a.jpg', 'image', 'm')"
        )
        for number in range(UPDATES - 2):  # that it came was two
            connection.execute("UPDATE media_assets SET title = ?, rev = rev + 1 WHERE id = 1", (str(number),))
