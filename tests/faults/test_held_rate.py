"""A held socket under 500 new connections a second, whatever a restart takes: nobody is refused, nobody cut off."""

from __future__ import annotations

import asyncio
import collections
import sys
import threading
import time
from typing import TYPE_CHECKING

from tests.faults.figures import tell
from tests.faults.rounds import rounds as rounds_of
from tests.runtime.stack import free_port
from tests.scripted import eventually

if TYPE_CHECKING:
    from tests.faults.stack import Stack

RATE = 500
PATIENCE = 20.0
TICK = 0.01
# Answers with its pid and closes; on TERM it takes no new connection and finishes those that it has.
SERVER = """
import os, selectors, signal, socket
listening = socket.socket(fileno=3)
listening.setblocking(False)
wakes, wake = socket.socketpair()
wake.setblocking(False)
signal.set_wakeup_fd(wake.fileno())
signal.signal(signal.SIGTERM, lambda *_: None)
ears = selectors.DefaultSelector()
ears.register(listening, selectors.EVENT_READ)
ears.register(wakes, selectors.EVENT_READ)
print("listens", flush=True)
while True:
    heard = [key.fileobj for key, _ in ears.select()]
    while listening in heard:
        try:
            client, _ = listening.accept()
        except BlockingIOError:
            break
        with client:
            client.sendall(b"%d" % os.getpid())
    if wakes in heard:
        break
"""


class Crowd(threading.Thread):
    """Connects at a steady rate, however long the answers take, and counts what becomes of each connection."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.counts: collections.Counter[str] = collections.Counter()
        self.servers: set[bytes] = set()
        self.rate = 0.0
        self._enough = threading.Event()

    def run(self) -> None:
        asyncio.run(self._crowd())

    def finish(self) -> None:
        self._enough.set()
        self.join(2 * PATIENCE)
        assert not self.is_alive()

    async def _crowd(self) -> None:
        began, made = time.monotonic(), 0
        async with asyncio.TaskGroup() as group:
            while not self._enough.is_set():
                due = int((time.monotonic() - began) * RATE)
                for _ in range(due - made):
                    group.create_task(self._one())
                made = due
                await asyncio.sleep(TICK)
            self.rate = made / (time.monotonic() - began)

    async def _one(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                answer = await reader.read()
                writer.close()
        except ConnectionRefusedError:
            self.counts["refused"] += 1
        except (OSError, TimeoutError):
            self.counts["broken"] += 1
        else:
            self.servers.add(answer)
            self.counts["served" if answer else "broken"] += 1


@rounds_of(5, 50)
def test_restarts_refuse_nobody_at_500_connections_a_second(stack: Stack, rounds: int) -> None:
    port = free_port()
    web = {"command": [sys.executable, "-S", "-c", SERVER], "sockets": {"http": port}, "ready": {"log": "listens"}}
    stack.up({"web": web})
    crowd = Crowd(port)
    crowd.start()
    for _ in range(rounds):
        served = crowd.counts["served"]
        eventually(lambda served=served: crowd.counts["served"] > served + RATE / 5, within=PATIENCE)
        stack.mamctl("restart", "web")
    crowd.finish()
    # One that was accepted by a server and not answered is broken; each restart has a process of its own.
    assert len(crowd.servers - {b""}) == rounds + 1
    assert crowd.rate > 0.95 * RATE
    made = f"{rounds}, {crowd.counts.total():,} connections"
    tell("restarted with a held socket", made, refused=crowd.counts["refused"], broken=crowd.counts["broken"])
