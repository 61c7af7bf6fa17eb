"""How quickly a large library answers: a real backend over HTTP, with a million assets in its database.

    python benchmarks/media.py                # about four minutes; needs 2 GB of temporary disk
    python benchmarks/media.py --quick        # a tenth of the rows, to see that it works

Each line prints the goal and what was measured. A goal that is missed makes the exit code 1. The rows are made
by SQL; what reads files is measured by media_ingest.py.
"""

import argparse
import asyncio
import http.client
import json
import os
import random
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

from media_rows import PLACES, STREAM_BYTES, THINGS, fill

REPOSITORY = Path(__file__).resolve().parents[1]
ROWS = 1_000_000
LISTS = "/api/v1/assets?per_page=60"


def main() -> int:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    rows = ROWS // 10 if parser.parse_args().quick else ROWS
    bench = Bench()
    with tempfile.TemporaryDirectory(prefix="media-bench-") as name:
        folder = Path(name)
        (folder / "media").mkdir()
        print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, SQLite {sqlite3.sqlite_version}, {rows:,} assets")
        started = time.perf_counter()
        fill(folder, rows)
        size = (folder / "data" / "mam.db").stat().st_size / 1e6
        print(f"rows made in {time.perf_counter() - started:.0f} s, {size:.0f} MB")
        with backend(folder) as port:
            measure(bench, port)
    return bench.missed


def measure(bench: "Bench", port: int) -> None:
    """Take every figure."""
    client = Client(port)
    chance = random.Random(7)
    bench.note("first page of 60, p99", client.times(lambda: LISTS, 1000), 0.99, 15)
    for sort, order in (("title", "asc"), ("file_size", "desc"), ("duration", "asc"), ("created_at", "desc")):
        path = f"{LISTS}&sort={sort}&order={order}"
        bench.note(f"first page by {sort} {order}, p99", client.times(lambda path=path: path, 200), 0.99, 15)
    bench.note("300 pages by cursor, one after the other, p99", walk(client, 300), 0.99, 15)
    bench.note("pages by cursor at random depths, p99", deep(client, chance, 200), 0.99, 15)
    bench.note("first page of one type, p99", client.times(lambda: f"{LISTS}&type=video", 200), 0.99, 15)
    bench.note("first page of what failed, p99", client.times(lambda: f"{LISTS}&status=failed", 200), 0.99, 15)
    bench.note("search, two words, p95", client.times(lambda: search(two_words(chance)), 300), 0.95, 50)
    bench.note("search while typing (1 to 6 letters), p95", client.times(lambda: search(typed(chance)), 300), 0.95, 50)
    bench.note("search for what every row has, p95", client.times(lambda: search("jpg"), 50), 0.95, 50)
    bench.note("one asset, p99", client.times(lambda: f"/api/v1/assets/{chance.randrange(1, 9999)}", 500), 0.99, 15)
    bench.note_rate("range streaming, one client", stream(port), 500)
    bench.note("health beside 500 idle WebSockets, worst", asyncio.run(beside_sockets(port, 500)), 1.0, 50)


class Bench:
    """Prints figures beside their goals."""

    def __init__(self) -> None:
        self.missed = 0

    def note(self, what: str, seconds: list[float], quantile: float, goal_ms: float) -> None:
        """Print a quantile of times, in milliseconds."""
        ordered = sorted(seconds)
        value = ordered[min(int(len(ordered) * quantile), len(ordered) - 1)] * 1e3
        middle = ordered[len(ordered) // 2] * 1e3
        self._print(what, f"<= {goal_ms:g} ms", f"{value:.1f} ms (median {middle:.1f})", good=value <= goal_ms)

    def note_rate(self, what: str, mb_per_s: float, goal: float) -> None:
        """Print a rate."""
        self._print(what, f">= {goal:g} MB/s", f"{mb_per_s:,.0f} MB/s", good=mb_per_s >= goal)

    def _print(self, what: str, goal: str, measured: str, *, good: bool) -> None:
        self.missed = self.missed if good else 1
        print(f"{'ok  ' if good else 'MISS'}  {what:<48} goal {goal:<12} measured {measured}", flush=True)


class Client:
    """One connection that is kept open, as a browser keeps it."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def get(self, path: str) -> tuple[float, Any]:
        """Ask, and return how long the whole answer took and what it was."""
        started = time.perf_counter()
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        content = answer.read()
        took = time.perf_counter() - started
        if answer.status != 200:
            raise SystemExit(f"{path} was answered with {answer.status}: {content[:200]!r}")
        return took, json.loads(content)

    def times(self, path: Callable[[], str], count: int) -> list[float]:
        """Return the times of so many requests, after a few to warm up."""
        for _ in range(5):
            self.get(path())
        return [self.get(path())[0] for _ in range(count)]


def walk(client: Client, pages: int) -> list[float]:
    """Scroll from cursor to cursor."""
    took, cursor = [], ""
    for _ in range(pages):
        seconds, body = client.get(LISTS + cursor)
        took.append(seconds)
        cursor = "&cursor=" + body["meta"]["next_cursor"]
    return took


def deep(client: Client, chance: random.Random, count: int) -> list[float]:
    """Go on from pages anywhere in the library."""
    cursors = []
    total = client.get(LISTS)[1]["meta"]["pages"]
    for _ in range(20):
        body = client.get(f"{LISTS}&page={chance.randrange(1, total - 1)}")[1]
        cursors.append(body["meta"]["next_cursor"])
    return client.times(lambda: f"{LISTS}&cursor={chance.choice(cursors)}", count)


def search(text: str) -> str:
    """Return the path of a search."""
    return f"{LISTS}&q={urllib.parse.quote(text)}"


def two_words(chance: random.Random) -> str:
    """Return two words that assets have."""
    return f"{chance.choice(THINGS)} {chance.choice(PLACES)}"


def typed(chance: random.Random) -> str:
    """Return the beginning of a word."""
    return chance.choice(PLACES + THINGS)[: chance.randrange(1, 7)]


def stream(port: int) -> float:
    """Return MB/s of a whole file in ranges of 16 MiB, the best of three rounds as a disk's cache warms up."""
    return max(_stream_once(port) for _ in range(3))


def _stream_once(port: int) -> float:
    piece, received = 16 * 1024 * 1024, 0
    buffer = memoryview(bytearray(1024 * 1024))
    started = time.perf_counter()
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        for start in range(0, STREAM_BYTES, piece):
            connection.request(
                "GET", "/api/v1/assets/1/stream", headers={"Range": f"bytes={start}-{start + piece - 1}"}
            )
            answer = connection.getresponse()
            while count := answer.readinto(buffer):
                received += count
    assert received == STREAM_BYTES
    return received / (time.perf_counter() - started) / 1e6


async def beside_sockets(port: int, count: int) -> list[float]:
    """Return how long health takes while so many WebSockets are open."""
    client = Client(port)
    async with AsyncExitStack() as stack:
        for _ in range(count):
            await stack.enter_async_context(connect(f"ws://127.0.0.1:{port}/ws", proxy=None, compression=None))
        times = await asyncio.to_thread(client.times, lambda: "/api/v1/health/live", 200)
        return times + await asyncio.to_thread(client.times, lambda: "/api/v1/health/websocket", 100)


@contextmanager
def backend(folder: Path) -> Iterator[int]:
    """Run the backend over the folder, and yield its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    environment = os.environ | {
        "DATA_DIR": str(folder / "data"), "MEDIA_PATH": str(folder / "media"), "LOG_DIR": "", "PORT": str(port),
        "MEDIA_SAMPLES": "0",
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "services.backend"], cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        _await(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if process.poll() is not None:
            raise SystemExit(f"the backend ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the backend does not listen")


if __name__ == "__main__":
    raise SystemExit(main())
