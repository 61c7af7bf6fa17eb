"""Serving: one uvicorn process on a socket that is bound already."""

import logging
import socket

import uvicorn
from swagger_server.app import build_app
from swagger_server.config import Settings
from swagger_server.listener import BACKLOG, listen

logger = logging.getLogger("api")

MAX_CONNECTIONS = 256
GRACE_SECONDS = 1


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say where we listen, but only once it is true."""
        await super().startup(sockets)
        for listener in sockets or ():
            logger.info("listening on http://%s:%d", *listener.getsockname()[:2])


def serve(settings: Settings, listener: socket.socket) -> None:
    """Serve until a signal; requests under way get GRACE_SECONDS to finish. Raise PortError if we cannot listen."""
    config = uvicorn.Config(
        build_app(settings),
        lifespan="on",
        ws="none",
        log_config=None,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    listen(listener)
    _Server(config).run(sockets=[listener])
