"""Health: of this process, and whether it can do its work."""

from typing import Any

from swagger_server import __version__
from swagger_server.backend_probe import BackendProbe
from swagger_server.errors import now

NO_STORE = {"Cache-Control": "no-store"}


class HealthController:
    """The operations of the tag `health`."""

    def __init__(self, probe: BackendProbe) -> None:
        self._probe = probe

    async def get_health(self) -> tuple[dict[str, Any], int, dict[str, str]]:
        """Return 200 always: a restart of this service would not help a backend that is down."""
        reachable = await self._probe.reachable()
        body = _alive() | {
            "status": "healthy" if reachable else "degraded",
            "backend": "reachable" if reachable else "unreachable",
        }
        return body, 200, NO_STORE

    async def get_liveness(self) -> tuple[dict[str, Any], int, dict[str, str]]:
        """Return 200 as long as the event loop turns; looks at nothing outside the process."""
        return _alive(), 200, NO_STORE


def _alive() -> dict[str, Any]:
    return {"status": "healthy", "service": "api", "version": __version__, "timestamp": now()}
