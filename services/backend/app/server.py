"""Running the backend: lock, database, socket, then serve until a signal comes."""

import logging
import resource
import signal
import sqlite3
import sys
from contextlib import suppress
from types import FrameType
from typing import Any

import uvicorn

from .application import Application
from .asgi import create_asgi
from .config import Config
from .listener import PunctualServer, listen, url_of
from .log import configure_log
from .models.data_lock import DataInUse, DataLock
from .models.database_problem import DatabaseProblem
from .models.storage_problem import way_out

LAST_RESORT_S = 1
"""Should cutting the connections not be enough; LINGER_S is the ordinary bound."""

MAX_FRAME = 64 * 1024
OPEN_FILES = 8192

log = logging.getLogger("mam.server")


def serve(config: Config) -> int:
    """Serve until SIGTERM or SIGINT: 0 then, 1 when it cannot start."""
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    configure_log(debug=config.debug, folder=config.log_dir)
    _allow_files()
    try:
        config.data_dir.mkdir(parents=True, exist_ok=True)
        lock = DataLock(config.lock_path)
    except DataInUse as error:
        return _refuse(str(error), "stop the other backend, or give this one a DATA_DIR of its own")
    except OSError as error:
        return _refuse(f"the data folder cannot be used: {error.strerror}", way_out(config.data_dir, error))
    try:
        return _serve_locked(config, unclean=lock.was_left)
    finally:
        lock.release()


def _serve_locked(config: Config, *, unclean: bool) -> int:
    try:
        listener = listen(config.host, config.port)
    except OSError as error:
        return _refuse(
            f"port {config.port} on {config.host} cannot be used: {error.strerror}", "stop what holds it, or set PORT"
        )
    with listener:
        try:
            application = Application(config, unclean=unclean)
        except (DatabaseProblem, sqlite3.Error) as error:
            return _refuse(str(error), way_out(config.data_dir, error))
        except OSError as error:
            return _refuse(f"the data folder cannot be used: {error.strerror}", way_out(config.data_dir, error))
        try:
            # Inside: a signal may come as soon as somebody has read it.
            log.info("listening on %s", url_of(listener))
            _server(application).run(sockets=[listener])
        finally:
            log.info("stopped")
    return 0


def _server(application: Application) -> uvicorn.Server:
    config = uvicorn.Config(
        create_asgi(application),
        log_config=None,
        http=_protocol(),
        server_header=False,
        # A header must not decide who the client is: nobody stands in front of us.
        proxy_headers=False,
        timeout_graceful_shutdown=LAST_RESORT_S,
        ws_max_size=MAX_FRAME,
        ws_per_message_deflate=False,
        lifespan="on",
    )
    return PunctualServer(config)


def _protocol() -> Any:
    """Return the HTTP protocol with bounds; without httptools h11, which bounds headers but waits for ever."""
    try:
        from .patience import PatientProtocol
    except ImportError:
        return "h11"
    return PatientProtocol


def _allow_files() -> None:
    """Take as many open files as live connections, streams and the database need; 1,024 is what systems begin with."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _leave(_number: int, _frame: FrameType | None) -> None:
    """End with 0. While uvicorn serves it has handlers of its own, and raises the signal again after."""
    raise SystemExit(0)


def _refuse(why: str, hint: str) -> int:
    print(f"error: {why}\nhint: {hint}", file=sys.stderr)
    return 1
