import asyncio
import json
import socket
from contextlib import closing

import pytest
from backend_media import picture
from running_backend import running_backend, wait_for
from starlette.websockets import WebSocketDisconnect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from services.backend.app.models.database import Database
from services.backend.app.native import websocket_route
from services.backend.app.services.events import Hub

FRONTEND = "http://127.0.0.1:3001"


def connected(server, **options) -> ClientConnection:
    return connect(server.ws, proxy=None, open_timeout=5, close_timeout=2, **options)


def receive(connection: ClientConnection) -> dict:
    """Return the next message, but for how the queue stands: that comes when it comes."""
    message = json.loads(connection.recv(timeout=5))
    return message if message["type"] != "jobs" else receive(connection)


def close_code(connection: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        _read_to_the_end(connection)
    return closed.value.rcvd.code


def _read_to_the_end(connection: ClientConnection) -> None:
    while True:
        connection.recv(timeout=5)


@pytest.mark.system
def test_a_client_is_greeted_and_its_ping_answered(library):
    with connected(library) as client:
        hello = receive(client)
        assert (hello["type"], hello["data"]) == ("connection", {"status": "connected"})
        assert hello["heartbeat"] == 25
        client.send('{"type": "ping"}')
        assert receive(client) == {"type": "pong", "seq": hello["seq"]}
        assert library.get("/api/v1/health/websocket").json()["connections"] == 1
    wait_for(lambda: library.get("/api/v1/health/websocket").json()["connections"] == 0, "the client is forgotten")


def statuses(events: list[dict]) -> list[str]:
    return [event["data"]["status"] for event in events]


@pytest.mark.system
def test_every_step_of_an_asset_is_told_to_every_client(folder):
    picture(folder / "media" / "a.jpg")
    with running_backend(folder) as server:
        asset = server.wait_until_ready(1)[0]
        with connected(server) as one, connected(server, origin=FRONTEND) as two:
            greeted = {one: receive(one)["seq"], two: receive(two)["seq"]}
            server.request("DELETE", f"/api/v1/assets/{asset['id']}")
            assert server.add("a.jpg").status_code == 201
            for client, since in greeted.items():
                told = [receive(client)]
                while told[-1]["data"]["status"] != "ready" or "deleted" not in statuses(told):
                    told.append(receive(client))
                assert [event["seq"] for event in told] == list(range(since + 1, since + len(told) + 1))
                # What the worker did just before the client came may still be told to it.
                del told[: statuses(told).index("deleted")]
                assert {event["type"] for event in told} == {"asset_deleted", "asset_created", "processing_update"}
                events = [event for event in told if event["type"] == "processing_update"]
                assert [event["data"]["status"] for event in events] == [
                    "deleted", "queued", "extracting", "thumbnailing", "ready",
                ]  # fmt: skip
                assert {event["data"]["asset_id"] for event in events} == {asset["id"]}
                assert events[-1]["data"]["progress"] == 100


@pytest.mark.system
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:3002", "https://127.0.0.1:3001"])
def test_a_foreign_origin_is_refused_before_the_handshake(library, origin):
    with pytest.raises(InvalidStatus) as refused:
        connected(library, origin=origin)
    assert refused.value.response.status_code == 403


@pytest.mark.system
def test_a_foreign_host_is_refused_before_the_handshake(library):
    host, port = library.address
    with socket.create_connection((host, port), timeout=5) as sock, pytest.raises(InvalidStatus) as refused:
        connect(f"ws://evil.example:{port}/ws", sock=sock, proxy=None)
    assert refused.value.response.status_code == 403


@pytest.mark.system
def test_another_address_takes_no_websocket(library):
    with pytest.raises(InvalidStatus):
        connect(library.ws + "x", proxy=None)


@pytest.mark.system
@pytest.mark.parametrize("nonsense", ["no json", "[]", '{"no": "type"}', '{"type": 7}', b"\x00", "[" * 5000])
def test_nonsense_is_answered_twice_and_ends_the_connection_the_third_time(library, nonsense):
    with connected(library) as client:
        receive(client)
        for _ in range(2):
            client.send(nonsense)
            assert receive(client)["type"] == "error"
        client.send(nonsense)
        assert close_code(client) == 1007


@pytest.mark.system
def test_a_type_that_we_do_not_know_is_passed_over(library):
    with connected(library) as client:
        receive(client)
        for _ in range(5):
            client.send('{"type": "subscribe", "to": 3}')
        client.send('{"type": "ping"}')
        assert receive(client)["type"] == "pong"


@pytest.mark.system
def test_a_frame_that_is_too_large_ends_the_connection(library):
    with connected(library) as client:
        receive(client)
        client.send('{"type": "ping", "x": "' + "x" * 70_000 + '"}')
        assert close_code(client) == 1009


class FakeSocket:
    """A client that says nothing; with ``stuck`` it does not read either."""

    def __init__(self, *, stuck: bool = False) -> None:
        self.stuck = stuck
        self.sent: list[dict] = []
        self.closed: tuple[int, str] | None = None
        self.ends = asyncio.Event()

    async def send_text(self, text: str) -> None:
        if self.stuck:
            await asyncio.Event().wait()
        self.sent.append(json.loads(text))

    async def receive(self) -> dict:
        await self.ends.wait()
        raise WebSocketDisconnect(1001)

    async def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)


@pytest.fixture
def serve(tmp_path):
    """Serve a client from a hub of its own until the session ends."""

    def serve(client: FakeSocket, during=None) -> None:
        with closing(Database(tmp_path / "mam.db")) as database:
            hub = Hub(database)

            async def scenario() -> None:
                hub.open()
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(websocket_route._Session(client, hub, hub.join(), seen.append).run())
                    if during:
                        tasks.create_task(during(hub))

            seen = []
            asyncio.run(asyncio.wait_for(scenario(), 5))
            hub.close()

    return serve


def test_a_client_that_is_silent_for_too_long_is_told_to_go(serve, monkeypatch):
    monkeypatch.setattr(websocket_route, "SILENCE_S", 0.02)
    client = FakeSocket()
    serve(client)
    assert client.closed[0] == 4408


def test_a_client_that_does_not_take_what_it_is_sent_is_told_to_go(serve, monkeypatch):
    monkeypatch.setattr(websocket_route, "SEND_S", 0.02)
    client = FakeSocket(stuck=True)
    serve(client)
    assert client.closed[0] == 1013


def test_a_client_that_leaves_is_not_told_to_go(serve):
    client = FakeSocket()

    async def leave(_hub: Hub) -> None:
        client.ends.set()

    serve(client, leave)
    assert client.closed is None


@pytest.mark.system
@pytest.mark.parametrize(
    "message",
    [
        '{"type": "resume"}', '{"type": "resume", "since": -1}', '{"type": "resume", "since": true}',
        '{"type": "resume", "since": "3"}', '{"type": "viewport"}', '{"type": "viewport", "ids": [0]}',
        '{"type": "viewport", "ids": ["1"]}', json.dumps({"type": "viewport", "ids": list(range(1, 300))}),
    ],
)  # fmt: skip
def test_a_message_whose_members_are_wrong_is_answered_with_what_is_asked_for(library, message):
    with connected(library) as client:
        receive(client)
        client.send(message)
        answer = receive(client)
        assert (answer["type"], "needs" in answer["error"]) == ("error", True)


@pytest.mark.system
def test_updates_are_gap_free_over_reconnects_and_a_restart_of_the_backend(folder):
    seen: list[dict] = []
    epoch = None
    with running_backend(folder) as server:
        with connected(server) as client:
            hello = receive(client)
            epoch, first = hello["epoch"], hello["seq"]
            last = first
        for round_ in range(10):
            picture(folder / "media" / f"{round_}.jpg", (64 + round_, 48))
            assert server.add(f"{round_}.jpg").status_code == 201
            with connected(server) as client:
                receive(client)
                resume(client, last, epoch)
                seen.append(receive(client))
                last = seen[-1]["seq"]
        server.wait_until_ready(10)
        server.process.kill()
        server.process.wait(5)
    with running_backend(folder) as server, connected(server) as client:
        hello = receive(client)
        assert hello["epoch"] == epoch
        resume(client, last, epoch)
        while last < hello["seq"]:
            seen.append(receive(client))
            last = seen[-1]["seq"]
        body = server.get(f"/api/v1/events?since={first}&limit=1000").json()
        assert [event["seq"] for event in seen] == list(range(first + 1, last + 1))
        assert body["events"][: len(seen)] == seen


def resume(client: ClientConnection, since: int, epoch: str) -> None:
    """Ask to go on after ``since``; what was under way before the answer is passed over, as a page does."""
    client.send(json.dumps({"type": "resume", "since": since, "epoch": epoch}))
    while (message := receive(client))["type"] != "resumed":
        assert message["type"] != "resync_required"


@pytest.mark.system
@pytest.mark.parametrize(("since", "epoch"), [(10**9, None), (0, "another")])
def test_who_cannot_go_on_without_a_gap_is_told_to_fetch_anew(library, since, epoch):
    with connected(library) as client:
        hello = receive(client)
        client.send(json.dumps({"type": "resume", "since": since, "epoch": epoch or hello["epoch"]}))
        answer = receive(client)
        assert (answer["type"], answer["seq"], answer["epoch"]) == ("resync_required", hello["seq"], hello["epoch"])
        assert answer["data"]["reason"] == ("epoch" if epoch else "gap")
