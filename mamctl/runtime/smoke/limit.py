"""One try's deadline."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from mamctl.runtime.probes.outcome import failed_connection
from mamctl.runtime.smoke.shortfall import Shortfall

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def within(limit: float, what: str) -> AsyncIterator[None]:
    """Raise Shortfall when the body is not done after `limit` seconds; `what` begins the sentence."""
    try:
        async with asyncio.timeout(limit):
            yield
    except TimeoutError:
        raise Shortfall(f"{what} within {limit:.3g} s") from None


def unreachable(error: OSError, where: str) -> Shortfall:
    """Return why a connection did not come about."""
    return Shortfall(f"{where} cannot be reached: {failed_connection(error).detail}")
