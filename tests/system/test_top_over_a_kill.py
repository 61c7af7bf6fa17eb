"""`mamctl top` goes on when its supervisor is killed: another one is found, and no line is lost or told twice."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from typing import TYPE_CHECKING, Any

from mamctl.control.sdk_async import AsyncClient
from mamctl.tui.app import Dashboard
from mamctl.ui.paint import Paint

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.system.supervised import Folder

COUNT = "import itertools, time\nfor n in itertools.count(): print('line', n, flush=True); time.sleep(0.02)"
SERVICES: dict[str, Any] = {"web": {"command": [sys.executable, "-Suc", COUNT]}}
PATIENCE = 20.0


async def until(holds: Callable[[], Any]) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not holds():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.02)


def numbers(app: Dashboard) -> list[int]:
    book = app.lower.logs._book
    return [int(match[1]) for row in book.rows if (match := re.fullmatch(r"line (\d+)", book.line(row.number).text))]


def test_another_supervisor_is_found_and_the_log_goes_on_without_a_gap(folder: Folder) -> None:
    folder.start(SERVICES)
    folder.settle()

    async def watch() -> None:
        async with AsyncClient(folder.place.socket) as client:
            app = Dashboard(client, title="services.yaml", paint=Paint(enabled=False), seconds=0.5)
            async with app.run_test(size=(100, 30)):
                await until(lambda: len(numbers(app)) > 20)
                before = app.roster.document["supervisor"]["pid"]
                os.kill(before, signal.SIGKILL)
                await until(lambda: app.roster.document["supervisor"]["pid"] != before)
                folder.pids.append(app.roster.document["supervisor"]["pid"])
                seen = len(numbers(app))
                await until(lambda: len(numbers(app)) > seen + 50)
                found = numbers(app)
                assert found == list(range(found[0], found[0] + len(found)))
            assert app.problem is None

    asyncio.run(watch())
