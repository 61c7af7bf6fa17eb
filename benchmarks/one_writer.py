"""Who writes to the database: one COMMIT for each write, a thread with a queue, or a COMMIT for all who wait.

    python benchmarks/one_writer.py           # about a minute
    python benchmarks/one_writer.py --quick   # shorter rounds, to see that it works

Writes of the same kind from 1, 8 and 32 threads at once, each way in each round; medians of the rounds, and the ratio
to the first way in the same round. The ways:

    each    a lock around the connection: each write is a transaction of the thread that has the lock
    queue   a thread takes what waits (at most 64), each in a savepoint of one transaction, and answers all after COMMIT
    train   what `Database.write` does: as `each`, but who finds others waiting leaves the COMMIT to the last of them
"""

import argparse
import itertools
import os
import queue
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from services.backend.app.models.asset_edit import write_fields
from services.backend.app.models.database import Database

ASSETS = 20_000
MOST = 64
TITLES = itertools.count()
DEADLINE_S = 5.0

Work = Callable[[sqlite3.Connection], None]


class Each:
    """A transaction for each, behind a lock."""

    def __init__(self, database: Database) -> None:
        self._connection = connection_of(database)
        self._lock = threading.Lock()

    def write(self, work: Work) -> None:
        """Do it in a transaction of its own."""
        if not self._lock.acquire(timeout=DEADLINE_S):
            raise TimeoutError
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            work(self._connection)
            self._connection.execute("COMMIT")
        finally:
            self._lock.release()

    def close(self) -> None:
        """Nothing is left."""


@dataclass
class Order:
    """What a caller wants to have written."""

    work: Work
    done: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None


class Queue:
    """The thread with the queue."""

    def __init__(self, database: Database) -> None:
        self._connection = connection_of(database)
        self._orders: queue.Queue[Order | None] = queue.Queue(maxsize=1000)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def write(self, work: Work) -> None:
        """Hand it in and wait until it is committed."""
        order = Order(work)
        self._orders.put(order, timeout=DEADLINE_S)
        if not order.done.wait(DEADLINE_S):
            raise TimeoutError
        if order.error is not None:
            raise order.error

    def close(self) -> None:
        """End the thread."""
        self._orders.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._orders.get()) is not None:
            orders: list[Order] = [first]
            self._connection.execute("BEGIN IMMEDIATE")
            self._do(first)
            while len(orders) < MOST and not self._orders.empty():
                order = self._orders.get()
                if order is None:
                    self._orders.put(None)
                    break
                self._do(order)
                orders.append(order)
            self._connection.execute("COMMIT")
            for order in orders:
                order.done.set()

    def _do(self, order: Order) -> None:
        self._connection.execute("SAVEPOINT one")
        try:
            order.work(self._connection)
        except BaseException as error:  # noqa: BLE001  it is the caller's
            self._connection.execute("ROLLBACK TO one")
            order.error = error
        self._connection.execute("RELEASE one")


class Train:
    """What is built."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, work: Work) -> None:
        """Do it; it is committed afterwards."""
        with self._database.write() as connection:
            work(connection)

    def close(self) -> None:
        """Nothing is left."""


def connection_of(database: Database) -> sqlite3.Connection:
    """Return the connection that writes, which no other program part has a reason to see."""
    return database._writer.connection  # noqa: SLF001


WAYS: dict[str, Callable[[Database], Any]] = {"each": Each, "queue": Queue, "train": Train}


def edit(number: int, turn: int) -> Work:
    """Return the edit of a title: the row, eleven indexes, the words of the search, the counts and an event."""

    def work(connection: sqlite3.Connection) -> None:
        # A title that the asset does not have yet: another round must not find its own words and change nothing.
        title = f"Title {number} {turn} {next(TITLES)}"
        write_fields(connection, [1 + (number * 7919 + turn * 104_729) % ASSETS], {"title": title})

    return work


def beat(number: int, turn: int) -> Work:
    """Return a heartbeat: one small row without an index."""

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE workers SET heartbeat_at = ?, done = ? WHERE id = ?", (turn, turn, str(number)))

    return work


KINDS = {"edit of a title": edit, "heartbeat": beat}


def fill(database: Database) -> None:
    """Make the rows."""
    with database.write() as connection:
        connection.executemany(
            "INSERT INTO media_assets (title, file_path, file_size, media_type, mime_type, format)"
            " VALUES (?, ?, 1000, 'image', 'image/jpeg', 'JPEG')",
            ((f"Amber harbor {number}", f"trips/{number}.jpg") for number in range(ASSETS)),
        )
        connection.executemany(
            "INSERT INTO workers VALUES (?, 1, 0, 0, 1, 0, 0, 0, NULL)", ((str(n),) for n in range(64))
        )


def measure(way: Any, kind: Callable[[int, int], Work], threads: int, seconds: float) -> tuple[float, float, float]:
    """Return writes a second, and their p50 and p99 in milliseconds."""
    times: list[list[float]] = [[] for _ in range(threads)]
    begin = threading.Barrier(threads + 1)
    end = time.perf_counter() + 3600

    def run(number: int) -> None:
        begin.wait()
        turn = 0
        while time.perf_counter() < end:
            started = time.perf_counter()
            way.write(kind(number, turn))
            times[number].append(time.perf_counter() - started)
            turn += 1

    running = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    end = time.perf_counter() + seconds
    begin.wait()
    started = time.perf_counter()
    for thread in running:
        thread.join()
    took = time.perf_counter() - started
    every = sorted(one for some in times for one in some)
    return len(every) / took, 1000 * every[len(every) // 2], 1000 * every[int(len(every) * 0.99)]


def main() -> int:
    """Measure everything and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="shorter rounds")
    quick = parser.parse_args().quick
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, SQLite {sqlite3.sqlite_version}")
    with (
        tempfile.TemporaryDirectory(prefix="one-writer-") as name,
        closing(Database(Path(name) / "mam.db")) as database,
    ):
        fill(database)
        for kind in KINDS:
            for threads in (1, 8, 32):
                show(database, kind, threads, rounds=2 if quick else 5, seconds=0.2 if quick else 0.6)
    return 0


def show(database: Database, kind: str, threads: int, *, rounds: int, seconds: float) -> None:
    """Measure one kind of write from so many threads, each way in each round."""
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name, make in WAYS.items():
            way = make(database)
            found[name].append(measure(way, KINDS[kind], threads, seconds))
            way.close()
    for name, results in found.items():
        rate, middle, late = (statistics.median(column) for column in zip(*results, strict=True))
        ratio = statistics.median(one[0] / each[0] for one, each in zip(results, found["each"], strict=True))
        print(
            f"{kind:16} {threads:3} threads  {name:6} {rate:8,.0f}/s  p50 {middle:7.2f} ms  p99 {late:7.2f} ms"
            f"  {ratio:5.2f} x each"
        )


if __name__ == "__main__":
    sys.exit(main())
