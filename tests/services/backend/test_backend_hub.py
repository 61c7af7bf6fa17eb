import asyncio
import json
import sqlite3
import threading
from contextlib import closing

import pytest

from services.backend.app.models.database import Database
from services.backend.app.models.event_log import KEPT, EventLog
from services.backend.app.services.events import CROWDED, LOST, MAX_CLIENTS, RING, Hub

KINDS = {"asset_created", "asset_updated", "asset_deleted", "processing_update"}


@pytest.fixture
def database(tmp_path):
    with closing(Database(tmp_path / "mam.db")) as database:
        yield database


def add(database: Database, number: int) -> int:
    with database.write() as connection:
        return connection.execute(
            "INSERT INTO media_assets (title, file_path, media_type, mime_type)"
            " VALUES ('t', ?, 'image', 'm') RETURNING id",
            (f"{number}.jpg",),
        ).fetchone()[0]


def tell(database: Database, count: int, *, asset: int | None = None) -> None:
    """Write events as another process would: the hub is not woken."""
    with database.write() as connection:
        connection.executemany(
            "INSERT INTO events (type, asset_id, status) VALUES ('processing_update', ?, 'queued')",
            [(asset or number,) for number in range(1, count + 1)],
        )


def _fail_after_an_event(database: Database) -> None:
    with database.write() as connection:
        connection.execute("INSERT INTO events (type) VALUES ('asset_updated')")
        connection.execute("INSERT INTO media_assets (title) VALUES (NULL)")


def run(database: Database, scenario) -> None:
    async def whole() -> None:
        hub = Hub(database)
        hub.open()
        try:
            await scenario(hub)
        finally:
            hub.close()

    asyncio.run(asyncio.wait_for(whole(), 10))


async def reached(hub: Hub, seq: int) -> None:
    client = hub.join()
    while hub.seq < seq:
        await client.news.wait()
        hub.take(client)
    hub.leave(client)


def taken(hub: Hub, client) -> list[dict]:
    messages = [json.loads(text) for text in hub.take(client)]
    return [message for message in messages if message["type"] != "jobs"]


def test_every_client_gets_every_event_in_the_order_of_the_commits(database):
    async def scenario(hub):
        clients = [hub.join(), hub.join()]
        for number in range(3):
            add(database, number)
        await reached(hub, 6)
        for client in clients:
            events = taken(hub, client)
            assert [event["seq"] for event in events] == [1, 2, 3, 4, 5, 6]
            assert {event["type"] for event in events} == {"asset_created", "processing_update"}
            assert taken(hub, client) == []

    run(database, scenario)


def test_writers_in_many_threads_lose_and_double_nothing(database):
    async def scenario(hub):
        client = hub.join()
        threads = [
            threading.Thread(target=lambda n=n: [add(database, n * 100 + i) for i in range(20)]) for n in range(4)
        ]
        for thread in threads:
            thread.start()
        await reached(hub, 160)
        for thread in threads:
            thread.join(5)
        assert [event["seq"] for event in taken(hub, client)] == list(range(1, 161))

    run(database, scenario)


def test_what_was_rolled_back_is_not_told(database):
    async def scenario(hub):
        client = hub.join()
        with pytest.raises(sqlite3.IntegrityError):
            _fail_after_an_event(database)
        add(database, 1)
        await reached(hub, 2)
        assert [event["seq"] for event in taken(hub, client)] == [1, 2]

    run(database, scenario)


def test_a_client_goes_on_where_it_stopped_also_after_a_restart(database):
    tell(database, 10)

    async def scenario(hub):
        client = hub.join()
        assert client.position == 10
        hub.resume(client, since=4, epoch=hub.epoch)
        head, *events = taken(hub, client)
        assert head == {"type": "resumed", "since": 4, "seq": 10}
        assert [event["seq"] for event in events] == [5, 6, 7, 8, 9, 10]

    run(database, scenario)
    run(database, scenario)


def test_resuming_in_the_future_or_in_another_epoch_or_too_far_back_is_a_resync(database):
    tell(database, RING + 10)

    async def scenario(hub):
        for since, epoch, reason in (
            (RING + 11, hub.epoch, "gap"),
            (5, hub.epoch, "gap"),
            (RING + 10 - LOST - 1, hub.epoch, "gap"),
            (RING + 9, "other", "epoch"),
            (RING + 9, None, "epoch"),
        ):
            client = hub.join()
            hub.resume(client, since=since, epoch=epoch)
            [message] = taken(hub, client)
            assert (message["type"], message["seq"], message["epoch"]) == ("resync_required", RING + 10, hub.epoch)
            assert message["data"] == {"reason": reason}
            assert taken(hub, client) == []

    run(database, scenario)


def test_a_crowd_of_updates_of_one_asset_is_told_as_its_last(database):
    async def scenario(hub):
        client = hub.join()
        add(database, 1)
        tell(database, CROWDED + 5, asset=1)
        await reached(hub, CROWDED + 7)
        events = taken(hub, client)
        assert [(event["type"], event["seq"]) for event in events] == [
            ("asset_created", events[0]["seq"]), ("processing_update", CROWDED + 7),
        ]  # fmt: skip

    run(database, scenario)


def test_a_client_that_is_too_slow_is_told_to_fetch_anew_and_the_others_get_everything(database):
    async def scenario(hub):
        slow, quick = hub.join(), hub.join()
        got = []
        for _ in range(7):
            tell(database, CROWDED - 1)
            await reached(hub, hub.seq + 1)
            while hub.seq % (CROWDED - 1):
                await reached(hub, hub.seq + 1)
            got += taken(hub, quick)
        assert [event["seq"] for event in got] == list(range(1, 7 * (CROWDED - 1) + 1))
        assert taken(hub, slow)[0]["data"] == {"reason": "slow"}
        assert (hub.dropped, hub.connections) == (1, 2)

    run(database, scenario)


def test_there_is_a_bound_on_clients(database):
    hub = Hub(database)
    assert all(hub.join() for _ in range(MAX_CLIENTS))
    assert hub.join() is None


def test_the_table_is_a_ring_and_its_numbers_never_start_anew(database):
    log = EventLog(database)
    with database.write() as connection:
        for seq in (1, *range(KEPT + 1, KEPT + 6)):
            connection.execute("INSERT INTO events (seq, type) VALUES (?, 'asset_updated')", (seq,))
    assert log.prune() == 1
    extent = log.extent()
    assert (extent.oldest, extent.latest) == (KEPT + 1, KEPT + 5)
    with database.write() as connection:
        connection.execute("DELETE FROM events")
    extent = log.extent()
    assert (extent.oldest, extent.latest) == (KEPT + 6, KEPT + 5)
    assert extent.can_follow(KEPT + 5)
    assert not extent.can_follow(KEPT + 4)


def test_a_trashed_restored_and_removed_asset_is_told_each_time(database):
    number = add(database, 1)
    with database.write() as connection:
        connection.execute("UPDATE media_assets SET deleted_at = 'x', rev = rev + 1 WHERE id = ?", (number,))
        connection.execute("UPDATE media_assets SET deleted_at = NULL, rev = rev + 1 WHERE id = ?", (number,))
        connection.execute("UPDATE media_assets SET title = 'new', rev = rev + 1 WHERE id = ?", (number,))
        connection.execute("DELETE FROM media_assets WHERE id = ?", (number,))
    events, _ = EventLog(database).since(0, 100)
    kinds = [event.type for event in events if event.type != "processing_update"]
    assert kinds == ["asset_created", "asset_deleted", "asset_created", "asset_updated", "asset_deleted"]
    assert {event.type for event in events} == KINDS
