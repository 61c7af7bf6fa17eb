"""The event hub: what happens to assets, told to every WebSocket client, gap-free.

The database numbers the events and keeps the newest 100,000. The hub keeps the newest RING of them in
memory, in the order of their numbers, also those from before a restart. A client is no more than a
position in that ring: one that is slow costs no memory and holds up nobody, and one that comes
back goes on where it stopped.

    position within the ring         the next events are sent
    more than CROWDED behind         of the updates of one asset only the last is sent
    more than LOST behind, or before the ring, or of another epoch
                                     resync_required: fetch anew, then go on from the newest

Events can be under way to a client at the moment that it asks to resume. `resumed` tells where the old ones
end: what arrives between asking and `resumed` is passed over, what follows is without a gap.
"""

import asyncio
import json
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, TypeVar

from services.backend.app.models.asset import Asset
from services.backend.app.models.database import Database
from services.backend.app.models.event_log import Event, EventLog, Extent

from .event_reader import EventReader
from .job_news import JobNews
from .twin_news import TwinNews

RING = 10_000
CROWDED = 1_000
LOST = 5_000
MAX_CLIENTS = 1000

T = TypeVar("T")


class Client:
    """One connected WebSocket, as the hub sees it."""

    def __init__(self, position: int) -> None:
        self.position = position
        """The number of the last event that was handed out."""
        self.news = asyncio.Event()
        self.reason: str | None = None
        """Why it has to fetch anew: ``slow``, ``gap`` or ``epoch``; None as long as it has not to."""
        self.jobs: str | None = None
        """How the queue stands, where that is news to it."""
        self.resumed = False
        """Whether it shall be told that what follows begins after the number that it gave."""


class Hub:
    """Gives the events to the clients. All but :meth:`wake` belongs to the event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.epoch = ""
        """Another one in every new and every restored database: numbers mean nothing across epochs."""
        self.seq = 0
        self.dropped = 0
        """How often a client was so slow that it had to fetch anew."""
        self._ring: deque[Event] = deque(maxlen=RING)
        self._clients: set[Client] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reader: EventReader | None = None
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
        """Begin to deliver, in the running event loop; what was told before is known."""
        log = EventLog(self._database)
        extent = log.extent()
        self.epoch, self.seq = extent.epoch, extent.latest
        events, _ = log.since(max(extent.latest - RING, 0), RING)
        self._ring.extend(event for event in events if event.seq <= extent.latest)
        self._loop = asyncio.get_running_loop()
        self._reader = EventReader(
            self._database,
            seq=self.seq,
            deliver=lambda events: self._hand_over(self._deliver, events),
            jobs=JobNews(self._database, lambda text: self._hand_over(self._deliver_jobs, text)),
            twins=TwinNews(self._database),
        )
        self._reader.start()

    def close(self) -> None:
        """Stop delivering; the next start goes on with what comes in between."""
        self._loop = None
        if self._reader is not None:
            self._reader.stop()

    def wake(self) -> None:
        """Say that something was committed. May be called from any thread, and need not be."""
        if self._reader is not None:
            self._reader.wake()

    def tell_asset(self, _asset: Asset) -> None:
        """Say that this asset was changed; what is told stands in the database already."""
        self.wake()

    def join(self) -> Client | None:
        """Add a client, which gets what comes from now on; None when there are too many."""
        if len(self._clients) >= MAX_CLIENTS:
            return None
        client = Client(self.seq)
        self._clients.add(client)
        return client

    def leave(self, client: Client) -> None:
        """Forget a client; doing so twice is fine."""
        self._clients.discard(client)

    def pinged(self) -> None:
        """Note that a client is alive."""
        self._last_ping = time.monotonic()

    def resume(self, client: Client, *, since: int, epoch: object) -> None:
        """Let a client go on after event ``since``, or tell it to fetch anew when that cannot be without a gap."""
        if epoch != self.epoch:
            client.reason = "epoch"
        elif not self._extent().can_follow(since) or self.seq - since > LOST:
            client.reason = "gap"
        else:
            client.position = since
            client.resumed = True
        client.news.set()

    def take(self, client: Client) -> list[str]:
        """Return the messages that are due for a client; none when it has everything."""
        if self.seq - client.position > LOST:
            client.reason = "slow"
            self.dropped += 1
        if client.reason is not None:
            return [self._resync(client)]
        due = self._after(client.position)
        head = [json.dumps({"type": "resumed", "since": client.position, "seq": self.seq})] if client.resumed else []
        client.position, client.resumed = self.seq, False
        client.news.clear()
        jobs, client.jobs = [client.jobs] if client.jobs else [], None
        events = _last_of_each(due) if len(due) > CROWDED else due
        return [*head, *(json.dumps(event.to_json()) for event in events), *jobs]

    def _resync(self, client: Client) -> str:
        reason, client.reason = client.reason, None
        client.position = self.seq
        client.news.clear()
        message: dict[str, Any] = {"type": "resync_required", "seq": self.seq, "epoch": self.epoch}
        return json.dumps(message | {"data": {"reason": reason}})

    def _extent(self) -> Extent:
        return Extent(self.epoch, self._ring[0].seq if self._ring else self.seq + 1, self.seq)

    def _after(self, position: int) -> list[Event]:
        if position >= self.seq:
            return []
        return list(islice(self._ring, bisect_right(self._ring, position, key=lambda event: event.seq), None))

    def _hand_over(self, deliver: Callable[[T], None], news: T) -> None:
        loop = self._loop
        if loop is None:
            return
        try:
            loop.call_soon_threadsafe(deliver, news)
        except RuntimeError:  # the loop closed just now
            return

    def _deliver(self, events: Sequence[Event]) -> None:
        self._ring.extend(events)
        self.seq = events[-1].seq
        for client in self._clients:
            client.news.set()

    def _deliver_jobs(self, text: str) -> None:
        for client in self._clients:
            client.jobs = text
            client.news.set()


def _last_of_each(events: list[Event]) -> list[Event]:
    """Leave out updates that a later one of the same asset makes pointless; the order stays."""
    last = {event.asset_id: event.seq for event in events if event.type == "processing_update"}
    return [event for event in events if last.get(event.asset_id) == event.seq or event.type != "processing_update"]
