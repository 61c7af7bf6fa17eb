"""A real worker process on a folder."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class RunningWorker:
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    _reader: threading.Thread | None = None

    @property
    def pid(self) -> int:
        return self.process.pid

    def decoders(self) -> list[int]:
        """The processes that decode."""
        return [child.pid for child in psutil.Process(self.pid).children(recursive=True)]

    def said(self, text: str) -> bool:
        return any(text in line for line in list(self.lines))

    def stop(self, within: float = 10.0) -> int:
        self.process.terminate()
        return self.process.wait(within)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(5)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)


@contextmanager
def running_worker(folder: Path, *, wait: bool = True, **settings: str) -> Iterator[RunningWorker]:
    """Start ``python -m services.worker`` and, unless told otherwise, wait until it works."""
    from running_backend import REPOSITORY, environment, wait_for

    process = subprocess.Popen(
        [sys.executable, "-m", "services.worker"],
        cwd=REPOSITORY,
        env=environment(folder, **settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    worker = RunningWorker(process)
    worker._reader = threading.Thread(target=worker._read, daemon=True)
    worker._reader.start()
    try:
        if wait:
            wait_for(lambda: worker.said("works with") or process.poll() is not None, "the worker works")
            assert process.poll() is None, "".join(worker.lines)
        yield worker
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
            raise
        finally:
            worker._reader.join(5)
            assert process.stdout is not None
            process.stdout.close()
