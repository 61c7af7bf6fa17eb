"""Is the backend there? Asked at most every two seconds, however many ask us."""

import asyncio
from collections.abc import Callable
from time import monotonic

from swagger_server.backend_client import BackendClient
from swagger_server.errors import ApiError

PATH = "/api/v1/health/ready"
"""The same as its health/status, and needs no token."""

FRESH_SECONDS = 2.0
# Below the two seconds that a supervisor gives a health request, so that ours still answers in time.
PROBE_SECONDS = 1.0


class BackendProbe:
    """A cached look at the backend's own health path; callers that come together share one request."""

    def __init__(self, backend: BackendClient, clock: Callable[[], float] = monotonic) -> None:
        self._backend = backend
        self._clock = clock
        self._lock = asyncio.Lock()
        self._reachable = False
        self._fresh_until = 0.0

    async def reachable(self) -> bool:
        """Return whether the backend, and not some other program on its port, answered."""
        async with self._lock:
            if self._clock() >= self._fresh_until:
                self._reachable = await self._ask()
                self._fresh_until = self._clock() + FRESH_SECONDS
            return self._reachable

    async def _ask(self) -> bool:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                answer = await self._backend.get(PATH)
        except (ApiError, TimeoutError):
            return False
        # An unhealthy backend (503) is reachable: who answers counts, not how it feels.
        return answer.status in (200, 503) and "status" in (answer.payload or {})
