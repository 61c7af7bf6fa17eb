"""The tcp step: a connection is accepted."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from mamctl.runtime.smoke.answer import Answer
from mamctl.runtime.smoke.limit import unreachable, within

if TYPE_CHECKING:
    from mamctl.core.manifest.steps import TcpAction
    from mamctl.runtime.smoke.saved import Saved


async def connect(action: TcpAction, saved: Saved, limit: float) -> Answer:
    """Connect, and let go. Raises Shortfall."""
    address = saved.text(action.address)
    host, _, port = address.rpartition(":")
    began = time.monotonic()
    try:
        async with within(limit, f"{address} did not accept a connection"):
            _, writer = await asyncio.open_connection(host.removeprefix("[").removesuffix("]"), int(port))
    except OSError as error:
        raise unreachable(error, address) from None
    seconds = time.monotonic() - began
    writer.transport.abort()
    return Answer(seconds)
