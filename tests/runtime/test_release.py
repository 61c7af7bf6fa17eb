"""A descriptor is closed only when nobody listens to it any more.

Epoll goes on to tell of one that was closed too soon, as long as a duplicate is open anywhere, under a number that may
be somebody else's by then: a hook was once taken for ended, and killed, because a task had ended just before.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mamctl.runtime import incarnation
from tests.runtime.stack import Stack, row, run, until

if TYPE_CHECKING:
    import pathlib

    import pytest


def test_nobody_listens_to_the_descriptor_of_one_that_ended_when_it_is_closed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listened_to: list[bool] = []

    def unpin(pidfd: int) -> None:
        listened_to.append(pidfd in asyncio.get_running_loop()._selector.get_map())  # type: ignore[attr-defined]
        original(pidfd)

    original = incarnation.unpin
    monkeypatch.setattr(incarnation, "unpin", unpin)

    async def scenario() -> None:
        async with Stack(tmp_path, {"once": {"kind": "task", "command": ["true"]}}).managed() as manager:
            await manager.up()
            await until(manager, lambda: row(manager, "once")["state"] == "completed")

    run(scenario())
    assert listened_to == [False]
