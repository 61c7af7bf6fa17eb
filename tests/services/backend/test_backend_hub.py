import asyncio
import json
import threading

from services.backend.app.services.events import MAX_CLIENTS, QUEUE_SIZE, Hub


def run(scenario) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 5))


async def opened(hub: Hub) -> None:
    hub.open()


def test_every_client_gets_every_event_with_one_sequence():
    async def scenario():
        hub = Hub()
        hub.open()
        clients = [hub.join(), hub.join()]
        for number in range(3):
            hub.tell({"asset_id": number})
        for client in clients:
            events = [json.loads(await client.outbox.get()) for _ in range(3)]
            assert [event["seq"] for event in events] == [1, 2, 3]
            assert [event["data"]["asset_id"] for event in events] == [0, 1, 2]
            assert {event["type"] for event in events} == {"processing_update"}

    run(scenario)


def test_events_of_other_threads_arrive_in_order():
    async def scenario():
        hub = Hub()
        hub.open()
        client = hub.join()
        thread = threading.Thread(target=lambda: [hub.tell({"n": number}) for number in range(50)])
        thread.start()
        events = [json.loads(await client.outbox.get()) for _ in range(50)]
        thread.join(5)
        assert [event["data"]["n"] for event in events] == list(range(50))

    run(scenario)


def test_a_client_that_does_not_read_is_dropped_and_the_others_are_served():
    async def scenario():
        hub = Hub()
        hub.open()
        slow, quick = hub.join(), hub.join()
        for _ in range(QUEUE_SIZE + 1):
            hub.tell({})
            await quick.outbox.get()
        assert slow.too_slow.is_set()
        assert not quick.too_slow.is_set()
        assert (hub.connections, hub.dropped) == (1, 1)
        assert slow.outbox.qsize() == QUEUE_SIZE

    run(scenario)


def test_there_is_a_bound_on_clients():
    hub = Hub()
    assert all(hub.join() for _ in range(MAX_CLIENTS))
    assert hub.join() is None


def test_telling_a_closed_hub_does_nothing():
    hub = Hub()
    hub.tell({})
    run(lambda: opened(hub))
    hub.tell({})  # its loop has ended
    assert hub.seq == 0
