"""Serving: waitress, one process, which finishes what it has begun before it stops.

Waitress has no signal handlers, and its own loop drops answers under way; this loop looks at a flag that
the handler sets, closes the listener, and gives requests under way a moment.
"""

import logging
import signal
import socket
from collections.abc import Callable, Iterable
from time import monotonic
from types import FrameType
from typing import Any

from sideeye.listener import BACKLOG, listen
from waitress import create_server, wasyncore

logger = logging.getLogger("sideeye")

THREADS = 8
MAX_CONNECTIONS = 128
MAX_BODY_BYTES = 1024 * 1024
DRAIN_SECONDS = 1.0
THREAD_SECONDS = 0.3

Application = Callable[..., Any]


class Server:
    """A WSGI application on a socket that is bound already; raises PortError if it cannot listen."""

    def __init__(self, application: Application, listener: socket.socket) -> None:
        self._channels: dict[int, Any] = {}
        self._stopping = False
        # From here on a connection is taken, and answered once the loop runs.
        listen(listener)
        self._server = create_server(
            _without_bodies_for_head(application),
            map=self._channels,
            sockets=[listener],
            threads=THREADS,
            connection_limit=MAX_CONNECTIONS,
            max_request_body_size=MAX_BODY_BYTES,
            channel_timeout=30,
            backlog=BACKLOG,
            ident="",
        )

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then drain."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        logger.info("listening on http://%s:%s", self._server.effective_host, self._server.effective_port)
        while not self._stopping:
            self._turn(seconds=1.0)
        # The interpreter gives signals back to the system as it ends: a second one must not kill it then.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        logger.info("stopping")
        self._drain()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True
        # The signal alone does not end the wait for sockets; a byte in the wake-up pipe does.
        self._server.pull_trigger()

    def _turn(self, seconds: float) -> None:
        wasyncore.loop(timeout=seconds, map=self._channels, use_poll=True, count=1)

    def _drain(self) -> None:
        # The listener only: the server's own close would take the wake-up pipe of the worker threads too.
        wasyncore.dispatcher.close(self._server)
        deadline = monotonic() + DRAIN_SECONDS
        while self._busy() and monotonic() < deadline:
            self._turn(seconds=0.05)
        self._server.task_dispatcher.shutdown(timeout=THREAD_SECONDS)
        wasyncore.close_all(self._channels)

    def _busy(self) -> bool:
        channels = tuple(self._server.active_channels.values())
        return any(channel.requests or channel.total_outbufs_len for channel in channels)


def _without_bodies_for_head(application: Application) -> Application:
    """Drop the body of an answer to HEAD: waitress would send it, and the client take it for the next answer."""

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = application(environ, start_response)
        if environ["REQUEST_METHOD"] != "HEAD":
            return body
        if hasattr(body, "close"):
            body.close()
        return []

    return wrapped
