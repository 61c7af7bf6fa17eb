"""The promise that everything here is for: kill whoever stores the output, and nothing of it is lost."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mamctl.runtime.logs.follower import Follower
from tests.runtime.logs.stage import texts, within

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtime.logs.stage import Stage

LINES = 120_000

# A supervisor that does nothing but store output.
STORE = """
import asyncio, sys
from mamctl.core.manifest.model import Logs
from mamctl.runtime.logs.sink import Sink
path, index, fifo = sys.argv[1:]
loop = asyncio.new_event_loop()
Sink(path=path, index=index, fifo=fifo, policy=Logs(max_size=200_000, keep=1000), loop=loop, notify=lambda _: None)
loop.run_forever()
"""


@pytest.mark.slow
def test_kills_at_any_time_lose_tear_and_double_no_line(staged: Callable[..., Stage]) -> None:
    stage = staged()
    stage.sink.close()
    command = [sys.executable, "-c", STORE, stage.files.path, stage.files.index, stage.fifo]
    found: list[bytes] = []
    kills = 0
    with open(stage.fifo, "r+b", buffering=0) as end, Follower([stage.files], from_now=False) as follower:
        writer = subprocess.Popen(
            [sys.executable, "-IS", "-c", f"import os\nfor n in range({LINES}): os.write(1, b'%09d and more\\n' % n)"],
            stdout=end,
        )

        def look(seconds: float) -> None:
            follower.wait(seconds)
            found.extend(texts(follower.poll()))

        while len(found) < LINES:
            goal = min(LINES, len(found) + 9_000)
            with subprocess.Popen(command) as supervisor:
                within(lambda goal=goal: len(found) >= goal, look)
                supervisor.kill()
            kills += 1
        assert writer.wait(10) == 0
    assert kills > 5
    assert [int(line[:9]) for line in found] == list(range(LINES))
    assert texts(stage.lines()) == found
