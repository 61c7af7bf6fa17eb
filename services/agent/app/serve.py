"""Runs the service: takes the port, serves with waitress, and ends within two seconds of a TERM with exit code 0."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from services.agent.app.settings import AGENT_PORT, CHAT_PORT, ConfigError, Settings

if TYPE_CHECKING:
    from waitress.server import BaseWSGIServer

log = logging.getLogger("services.agent")

EX_FAILED = 1
EX_CONFIG = 78  # sysexits.h: something is set wrongly, a restart will not help
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
DRAIN_S = 0.5  # twice this, and the next, stay well below two seconds
FLUSH_S = 0.3
PORTS = {"agent": AGENT_PORT, "chat": CHAT_PORT}


def main(name: str = "agent") -> int:
    """Run the service `name` (agent or chat) until TERM or Ctrl-C; return the exit code."""
    # Blocked before any thread exists, so that no thread but this one, in sigwait, ever takes them.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    try:
        settings = Settings.from_env(os.environ, PORTS[name])
    except ConfigError as error:
        return _refuse(str(error), "correct the environment; services/agent/.env.example lists it", EX_CONFIG)
    try:
        listener = take_port(settings.host, settings.port)
    except OSError as error:
        return _refuse_port(name, settings, error)
    with listener:
        return _run(name, settings, listener)


def take_port(host: str, port: int) -> socket.socket:
    """Return a bound socket that does not listen yet: nobody is served before everything is ready. Raises OSError."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def _run(name: str, settings: Settings, listener: socket.socket) -> int:
    import sqlite3

    from services.agent.app.factory import create_service

    try:
        service = create_service(settings, name)
    except (OSError, sqlite3.Error) as error:
        return _refuse(
            f"the history cannot be kept in DATA_DIR: {error}", "set DATA_DIR to a writable folder", EX_CONFIG
        )
    try:
        server = waitress_server(service.app, settings, listener)
    except OSError as error:  # who bound the same port in the same moment was the first to listen
        return _refuse_port(name, settings, error)
    threading.Thread(target=server.run, name="waitress", daemon=True).start()
    log.info("%s listens on %s:%d, asks %s", name, settings.host, listener.getsockname()[1], settings.llm_root)
    number = signal.sigwait(STOP_SIGNALS)
    log.info("%s stops on %s", name, signal.Signals(number).name)
    server.accepting = False
    service.drain(DRAIN_S)
    _flush(server)
    service.history.close()
    return 0


def _flush(server: BaseWSGIServer) -> None:
    """Wait until the answers that are ready have left: the thread that writes them ends with this process."""
    until = time.monotonic() + FLUSH_S
    pause = threading.Event()
    while any(each.requests or each.total_outbufs_len for each in list(server.active_channels.values())):
        if time.monotonic() >= until or pause.wait(0.01):
            return


def waitress_server(app: Any, settings: Settings, listener: socket.socket) -> BaseWSGIServer:
    """Return a waitress server on `listener`, with threads for every question that may run or wait."""
    import waitress
    from waitress.channel import HTTPChannel
    from waitress.task import ErrorTask

    class JsonErrorTask(ErrorTask):
        """What waitress refuses before the application sees it (no HTTP, far too big), in our shape."""

        def execute(self) -> None:
            self.request.error.to_response = lambda *_: _wire_error(self.request.error)
            super().execute()

    class Channel(HTTPChannel):
        error_task_class = JsonErrorTask

    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    server = waitress.create_server(
        app,
        sockets=[listener],
        threads=settings.threads,
        ident=None,
        channel_request_lookahead=1,  # lets a running answer notice that its client has left
        max_request_body_size=settings.max_body * 4,
        connection_limit=200,
        channel_timeout=30,
    )
    server.channel_class = Channel
    return server


def _wire_error(error: Any) -> tuple[str, list[tuple[str, str]], bytes]:
    from services.agent.app.errors import HTTP_CODES, error_body

    code = HTTP_CODES.get(error.code, f"HTTP_{error.code}")
    body = json.dumps(error_body(str(error.reason), code)).encode()
    return f"{error.code} {error.reason}", [("Content-Type", "application/json")], body


def _refuse_port(name: str, settings: Settings, error: OSError) -> int:
    what = f"port {settings.port} for {name} cannot be taken on {settings.host}: {error.strerror}"
    return _refuse(what, "stop the program that holds it, or set PORT", EX_FAILED)


def _refuse(message: str, hint: str, code: int) -> int:
    sys.stderr.write(f"error: {message}\nhint: {hint}\n")
    return code
