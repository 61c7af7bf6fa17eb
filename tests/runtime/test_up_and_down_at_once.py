"""Somebody brings the stack up while somebody else takes it down: both are told the truth."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from mamctl.core.errors import MamctlError
from tests.runtime.stack import Stack, free_port, row, run, service, until

if TYPE_CHECKING:
    import pathlib


def test_an_up_that_is_overtaken_by_down_is_no_success(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"slow": service(port=free_port())})

    async def scenario() -> None:
        async with stack.managed() as manager:
            up = asyncio.create_task(manager.up())
            await until(manager, lambda: row(manager, "slow")["pid"] is not None)
            await manager.operator.down(force=False, wait=10)
            with pytest.raises(MamctlError, match="everything was stopped before it was up"):
                await up

    run(scenario())
