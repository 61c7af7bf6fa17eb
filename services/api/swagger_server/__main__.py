"""Start the API server; exit codes: 0 stopped, 1 the port cannot be had, 2 bad configuration.

The port is claimed before the heavy imports, so a conflict is told in a tenth of a second.
"""

import logging
import os
import signal
import socket
import sys
from types import FrameType

from swagger_server.config import ConfigError, Settings
from swagger_server.listener import PortError, claim


def _leave(_number: int, _frame: FrameType | None) -> None:
    """End cleanly. Uvicorn raises a signal again after its own shutdown; this makes that exit 0 too."""
    raise SystemExit(0)


def _configure_logging(level: str) -> None:
    logging.basicConfig(level=level, stream=sys.stdout, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Each proxied request is already in the access log; the client's own line would double it.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("connexion").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").addFilter(lambda record: "/health" not in record.getMessage())


def main() -> int:
    """Serve until SIGTERM or SIGINT and return the exit code."""
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    try:
        settings = Settings.from_environment(os.environ)
        with claim(settings.host, settings.port) as listener:
            _serve(settings, listener)
    except (ConfigError, PortError) as problem:
        print(f"error: {problem}\nhint: {problem.hint}", file=sys.stderr)
        return problem.exit_code
    return 0


def _serve(settings: Settings, listener: socket.socket) -> None:
    _configure_logging(settings.log_level)
    from swagger_server.server import serve

    serve(settings, listener)


if __name__ == "__main__":
    sys.exit(main())
