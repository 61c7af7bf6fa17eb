"""A storm: a thousand updates, fifty connections that break, nothing lost."""

import json
import random
import threading

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

UPDATES = 1000
BREAKS = 50


def test_a_thousand_updates_over_fifty_broken_connections_lose_nothing(api):
    number = api.add("a.jpg")
    first = api.get("/api/v1/events").json()
    epoch, since = first["epoch"], first["latest"]
    address = str(api.base_url).replace("http", "ws").rstrip("/") + "/ws"
    writer = threading.Thread(target=update, args=(api.application, number))
    writer.start()
    chance, seen = random.Random(5), []
    for round_ in range(BREAKS + 1):
        wanted = UPDATES if round_ == BREAKS else min(UPDATES, len(seen) + chance.randrange(30))
        with connect(address, proxy=None, open_timeout=5, close_timeout=0.05) as socket:
            last = seen[-1] if seen else since
            socket.send(json.dumps({"type": "resume", "since": last, "epoch": epoch}))
            seen += events(socket, wanted - len(seen))
            # Half of them break without a word, in the middle of whatever is under way.
            if round_ % 2 and round_ < BREAKS:
                socket.socket.close()
    writer.join(10)
    assert seen == list(range(since + 1, since + UPDATES + 1))


def events(socket: ClientConnection, count: int) -> list[int]:
    """The numbers of so many events; what was under way before the answer to resume is passed over."""
    numbers: list[int] = []
    is_resumed = False
    try:
        while len(numbers) < count or not is_resumed:
            message = json.loads(socket.recv(timeout=5))
            assert message["type"] != "resync_required"
            is_resumed = is_resumed or message["type"] == "resumed"
            if is_resumed and message["type"] == "asset_updated" and len(numbers) < count:
                numbers.append(message["seq"])
    except ConnectionClosed:
        pass
    return numbers


def update(application, number: int) -> None:
    for turn in range(UPDATES):
        with application.database.write() as connection:
            connection.execute(
                "UPDATE media_assets SET title = ?, rev = rev + 1 WHERE id = ?", (f"title {turn}", number)
            )
