"""The event hub: what happens to assets, told to every WebSocket client.

The hub lives in the event loop; other threads hand their events over to it, so the sequence
numbers have one order for all. Each client has a bounded queue. One that does not keep up is
told to go, rather than held in memory or allowed to hold up the others.
"""

import asyncio
import json
import time
import uuid
from typing import Any

from services.backend.app.models.asset import Asset, Status

QUEUE_SIZE = 256
MAX_CLIENTS = 1000

PROGRESS = {
    Status.QUEUED: 0,
    Status.EXTRACTING: 10,
    Status.THUMBNAILING: 50,
    Status.READY: 100,
    Status.FAILED: 100,
    Status.OFFLINE: 100,
}


class Client:
    """One connected WebSocket, as the hub sees it."""

    def __init__(self) -> None:
        self.outbox: asyncio.Queue[str] = asyncio.Queue(QUEUE_SIZE)
        self.too_slow = asyncio.Event()


class Hub:
    """Numbers the events and gives them to the clients."""

    def __init__(self) -> None:
        self.epoch = uuid.uuid4().hex
        """Changes when the numbers start anew, so that a client can tell a restart from a gap."""
        self.seq = 0
        self.dropped = 0
        self._clients: set[Client] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._last_ping: float | None = None

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._clients)

    @property
    def is_open(self) -> bool:
        """Whether events are being delivered."""
        return self._loop is not None

    @property
    def last_ping_age_s(self) -> float | None:
        """Seconds since any client's last ping; None when there was none."""
        return None if self._last_ping is None else round(time.monotonic() - self._last_ping, 1)

    def open(self) -> None:
        """Begin to deliver, in the running event loop."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Stop delivering; what is told afterwards is dropped."""
        self._loop = None

    def join(self) -> Client | None:
        """Add a client; None when there are too many."""
        if len(self._clients) >= MAX_CLIENTS:
            return None
        client = Client()
        self._clients.add(client)
        return client

    def leave(self, client: Client) -> None:
        """Forget a client; doing so twice is fine."""
        self._clients.discard(client)

    def pinged(self) -> None:
        """Note that a client is alive."""
        self._last_ping = time.monotonic()

    def tell(self, data: dict[str, Any]) -> None:
        """Send a ``processing_update`` to all clients. May be called from any thread."""
        loop = self._loop
        if loop is None:
            return
        try:
            loop.call_soon_threadsafe(self._deliver, data)
        except RuntimeError:  # the loop closed just now
            return

    def tell_asset(self, asset: Asset) -> None:
        """Tell the clients where an asset stands."""
        data = {
            "asset_id": asset.id,
            "progress": PROGRESS[asset.status],
            "stage": asset.status.value,
            "status": asset.status.value,
        }
        self.tell(data | {"error": asset.error} if asset.error else data)

    def _deliver(self, data: dict[str, Any]) -> None:
        self.seq += 1
        text = json.dumps({"type": "processing_update", "seq": self.seq, "data": data})
        for client in list(self._clients):
            try:
                client.outbox.put_nowait(text)
            except asyncio.QueueFull:
                self.dropped += 1
                self.leave(client)
                client.too_slow.set()
