"""The TCP probe: a connection is accepted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mamctl.runtime.probes.connection import connect
from mamctl.runtime.probes.outcome import Outcome, failed_connection, seconds

if TYPE_CHECKING:
    from mamctl.core.manifest.model import TcpProbe


async def check(probe: TcpProbe, timeout: float) -> Outcome:  # noqa: ASYNC109 - the deadline becomes the verdict
    """Connect and hang up."""
    try:
        async with asyncio.timeout(timeout):
            connection = await connect(probe.host, probe.port)
    except TimeoutError:
        return Outcome(ok=False, detail=f"no answer within {seconds(timeout)}", answered=False)
    except OSError as error:
        return failed_connection(error)
    connection.close()
    return Outcome(ok=True, detail="connected", answered=True)
