"""The health of the backend over HTTP."""

import asyncio
import logging

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from services.backend.app import answers
from services.backend.app.application import Application
from services.backend.app.services.health import Health

from .json_answer import json_answer
from .processing_status import Processing, processing_of

DEADLINE_S = 1.5
SERVICES_EVERY_S = 30.0
MEMORY_EVERY = 2
DISK_EVERY = 10
"""In looks: memory every 60 s, the disk every 300 s (seed 000)."""

FULL_PERCENT = 95.0
SHORT = ("/live", "/ready")
"""Without the prefix too, where probes look for them."""

log = logging.getLogger("mam.health")


class HealthRoutes:
    """Answers from a look that all who ask at the same time share."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._look: asyncio.Task[Health] | None = None
        self._threads = anyio.CapacityLimiter(2)

    def routes(self) -> list[Route]:
        """Return the routes."""
        prefix = f"{self._application.config.api_prefix}/health"
        return [
            Route(f"{prefix}/status", self.status),
            Route(f"{prefix}/live", self.live),
            Route(f"{prefix}/ready", self.ready),
            *(Route(path, endpoint) for path, endpoint in zip(SHORT, (self.live, self.ready), strict=True)),
            Route(f"{prefix}/websocket", self.websocket),
            Route(f"{prefix}/processing", self.processing),
        ]

    async def status(self, _request: Request) -> JSONResponse:
        """Answer 200, or 503 with the same body when unhealthy."""
        health = await self._health()
        return json_answer(health.to_json(), 503 if health.status == "unhealthy" else 200)

    async def live(self, _request: Request) -> JSONResponse:
        """Answer 200 as long as the event loop turns."""
        return json_answer(answers.Alive(status="alive"))

    async def ready(self, _request: Request) -> JSONResponse:
        """Answer 200 when requests can be served, whether or not a worker and the media are there; else 503."""
        health = await self._health()
        return json_answer(health.to_json(), 503 if health.status == "unhealthy" else 200)

    async def websocket(self, _request: Request) -> JSONResponse:
        """Answer how many clients there are and how they keep up."""
        hub = self._application.hub
        body = answers.SocketHealth(
            status="healthy" if hub.is_open else "unhealthy",
            connections=hub.connections,
            last_ping_age_s=hub.last_ping_age_s,
            dropped=hub.dropped,
            latest_seq=hub.seq,
        )
        return json_answer(body, 200 if hub.is_open else 503)

    async def processing(self, _request: Request) -> JSONResponse:
        """Answer how long the queue is and how fast it moves."""
        found = await self._processing()
        unread = answers.ProcessingHealth(status="unhealthy", reason="the queue cannot be read")
        body = found.to_json() if found is not None else unread
        return json_answer(body, 200 if body["status"] == "healthy" else 503)

    async def watch(self) -> None:
        """Look at the intervals of seed 000 and log what changes; runs until cancelled."""
        looks, last = 0, "healthy"
        while True:
            health = await self._health()
            if health.status != last:
                failing = ", ".join(name for name, fine in health.services.items() if not fine)
                log.warning("the backend is %s%s", health.status, f": {failing}" if failing else " again")
                last = health.status
            _warn_of_full(health, memory=looks % MEMORY_EVERY == 0, disk=looks % DISK_EVERY == 0)
            looks += 1
            await asyncio.sleep(SERVICES_EVERY_S)

    async def _health(self) -> Health:
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._look_once())
        try:
            return await asyncio.wait_for(asyncio.shield(self._look), DEADLINE_S)
        except TimeoutError:
            return self._application.health.without_answer()

    async def _look_once(self) -> Health:
        return await anyio.to_thread.run_sync(
            self._application.health.look, limiter=self._threads, abandon_on_cancel=True
        )

    async def _processing(self) -> Processing | None:
        try:
            with anyio.fail_after(DEADLINE_S):
                return await anyio.to_thread.run_sync(
                    processing_of, self._application, limiter=self._threads, abandon_on_cancel=True
                )
        except Exception as error:  # noqa: BLE001  an ill database is what this answer is about
            log.warning("the queue cannot be read: %s", error)
            return None


def _warn_of_full(health: Health, *, memory: bool, disk: bool) -> None:
    for name, due in (("memory", memory), ("disk", disk)):
        percent = health.system.get(f"{name}_usage", 0.0)
        if due and percent > FULL_PERCENT:
            log.warning("the %s is %.0f %% full", name, percent)
