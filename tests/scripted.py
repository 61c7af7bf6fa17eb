"""Starts `misbehave.py` for tests, and waits for conditions with a bound."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MISBEHAVE = str(Path(__file__).with_name("misbehave.py"))

# -I -S: no site, no user's environment; it starts in a third of the time.
COMMAND = (sys.executable, "-IS", MISBEHAVE)


class Scripted:
    """A running `misbehave.py`, in a session of its own."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.pid = process.pid

    def line(self) -> str:
        """Return the next line of its output."""
        assert self.process.stdout
        return self.process.stdout.readline().decode().rstrip("\n")

    def port(self) -> int:
        """Return the port that it chose (`--port 0`, `--hold-port 0`): the next line of its output."""
        word, _, number = self.line().partition(" ")
        assert word == "port"
        return int(number)


@contextmanager
def misbehaving(*options: object, env: Mapping[str, str] | None = None) -> Iterator[Scripted]:
    """Run it with `options`; afterwards nothing of its session is left. `env` is added to ours."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, options)],
        stdout=subprocess.PIPE,
        env={**os.environ, **(env or {})},
        start_new_session=True,
    )
    with process:
        try:
            yield Scripted(process)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def eventually(condition: Callable[[], object], *, within: float = 5.0) -> None:
    """Wait until `condition` holds; fail after `within` seconds."""
    end = time.monotonic() + within
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        pause.wait(0.002)
