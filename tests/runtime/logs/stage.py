"""A sink on a real loop, with real files and real writers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from mamctl.core.manifest.choices import Streams
from mamctl.core.manifest.model import Logs
from mamctl.runtime.logs.files import LogFiles, fifo_path, log_files, numbered
from mamctl.runtime.logs.reader import Line, tail
from mamctl.runtime.logs.sink import Sink

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

    from mamctl.runtime.logs.follower import Follower
    from mamctl.runtime.logs.notices import Notice
    from mamctl.runtime.logs.sink import IntakeMaker

BOUND = 20.0
"""Seconds after which a condition that never comes fails its test."""


class Stage:
    """A folder with one service's log, its sink, and what the sink told."""

    def __init__(
        self, folder: Path, *, service: str = "web", intake: IntakeMaker | None = None, logs: Path | None = None,
        **policy: int,
    ) -> None:  # fmt: skip
        self.policy = Logs(**policy)
        self.files: LogFiles = log_files(str(logs or folder / "logs"), str(folder / "index"), service, Streams.MERGED)[
            0
        ]
        self.fifo = fifo_path(str(folder / "fifo"), self.files)
        self.notices: list[Notice] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self.loop = asyncio.new_event_loop()
        self._changed = asyncio.Event()
        self._intake = intake
        try:
            self.sink = self.open()
        except OSError:
            self.loop.close()
            raise

    def open(self) -> Sink:
        """Open a sink, as the next supervisor would."""
        sink = Sink(
            path=self.files.path, fifo=self.fifo, index=self.files.index, policy=self.policy, loop=self.loop,
            notify=self._note, intake=self._intake,
        )  # fmt: skip
        sink.watch(self._changed.set)
        return sink

    def _note(self, notice: Notice) -> None:
        self.notices.append(notice)
        self._changed.set()

    def stir(self) -> None:
        """Let the condition that is waited for be looked at again."""
        self._changed.set()

    def told(self, kind: type[Notice]) -> list[Notice]:
        return [notice for notice in self.notices if isinstance(notice, kind)]

    def run(self, scenario: Coroutine[None, None, None]) -> None:
        self.loop.run_until_complete(scenario)

    def until(self, condition: Callable[[], bool]) -> None:
        """Run the loop until the condition holds; it is looked at after each output and each notice."""
        self.run(self._until(condition))

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(BOUND):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def landed(self, count: int) -> None:
        """Run the loop until so many bytes of this incarnation are in the log."""
        self.until(lambda: self.sink.position - self.sink.start >= count)

    @contextlib.contextmanager
    def child(self, generation: int = 1) -> Iterator[int]:
        descriptor = self.sink.child_end(generation)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def say(self, data: bytes, generation: int = 1) -> None:
        """Let an incarnation write and end, and its output land."""
        with self.child(generation) as descriptor:
            os.write(descriptor, data)
        self.sink.drain()

    def say_on(self, data: bytes) -> None:
        """Let the incarnation that is there write more."""
        descriptor = os.open(self.fifo, os.O_RDWR)
        os.write(descriptor, data)
        self.sink.drain()
        os.close(descriptor)

    def spawn(self, code: str, generation: int = 1) -> subprocess.Popen[bytes]:
        with self.child(generation) as descriptor:
            process = subprocess.Popen([sys.executable, "-IS", "-c", code], stdout=descriptor, stderr=descriptor)
        self._processes.append(process)
        return process

    def ended(self, process: subprocess.Popen[bytes]) -> int:
        """Run the loop until the process ends; return its exit status."""
        descriptor = os.pidfd_open(process.pid)
        self.loop.add_reader(descriptor, self._changed.set)
        self.until(lambda: process.poll() is not None)
        self.loop.remove_reader(descriptor)
        os.close(descriptor)
        return process.returncode

    def content(self, number: int = 0) -> bytes:
        with open(numbered(self.files.path, number), "rb") as file:
            return file.read()

    def everything(self) -> bytes:
        """Return the content of all files, oldest first."""
        number = 0
        while os.path.exists(numbered(self.files.path, number + 1)):
            number += 1
        return b"".join(self.content(n) for n in range(number, -1, -1))

    def lines(self, **wish: object) -> list[Line]:
        return list(tail([self.files], **{"lines": None, "since": None, "pattern": None, **wish}))

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait(10)
        self.sink.close()
        self.loop.close()


def texts(lines: list[Line]) -> list[bytes]:
    return [line.line for line in lines]


def rest_of(follower: Follower) -> list[Line]:
    """Poll until nothing more is there."""
    found: list[Line] = []
    while (more := follower.poll()) or follower.pending:
        found += more
    return found


def within(condition: Callable[[], bool], wait: Callable[[float], object]) -> None:
    """Call `wait` until the condition holds; the wait itself must be bounded."""
    deadline = time.monotonic() + BOUND
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        wait(0.1)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))
