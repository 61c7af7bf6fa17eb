"""What the entry points do: serve, or run one of Django's commands."""

import logging
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import Sequence
from types import FrameType

from sideeye.data_folder import create_database, create_folder
from sideeye.environment import ConfigError, Environment
from sideeye.listener import PortError, claim
from sideeye.search_path import unshadow_django

logger = logging.getLogger("sideeye")

MIGRATE = "python -m services.django migrate"
BROKEN_DATABASE = "restore django.db in DATA_DIR from a copy, or move it away to begin anew"


def serve() -> int:
    """Serve until SIGTERM or SIGINT and return the exit code.

    The port is claimed before the heavy imports, so a conflict is told in a tenth of a second.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    unshadow_django()
    try:
        environment = Environment.read(os.environ)
        create_folder(environment.data_dir)
        with claim(environment.host, environment.port) as listener:
            _serve(environment, listener)
    except (ConfigError, PortError) as problem:
        return _report(problem, problem.hint, problem.exit_code)
    return 0


def manage(argv: Sequence[str]) -> int:
    """Run a command of Django's and return the exit code; `argv` begins with the program's name."""
    unshadow_django()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sideeye.settings")
    from django.core.management import execute_from_command_line
    from django.db import DatabaseError

    try:
        environment = Environment.read(os.environ)
        create_folder(environment.data_dir)
        create_database(environment.data_dir)
        execute_from_command_line(list(argv))
    except ConfigError as problem:
        return _report(problem, problem.hint, problem.exit_code)
    except (sqlite3.Error, DatabaseError) as problem:
        return _report(f"the database cannot be used: {problem}", BROKEN_DATABASE, 1)
    return 0


def _serve(environment: Environment, listener: socket.socket) -> None:
    from sideeye.server import Server
    from sideeye.wsgi import application

    _prepare_database(environment)
    Server(application, listener).run()


def _prepare_database(environment: Environment) -> None:
    """Say what is wrong with the database and serve all the same: the health path tells it to everybody."""
    from django.db import DatabaseError
    from sideeye.health.database import pending_migrations

    try:
        create_database(environment.data_dir)
        pending = pending_migrations()
    except (sqlite3.Error, DatabaseError, OSError) as problem:
        # The sentence says it all; a traceback would only show this function.
        logger.error("the database cannot be used: %s; %s", problem, BROKEN_DATABASE)  # noqa: TRY400 - see above
        return
    if pending:
        logger.warning("%d migrations are not applied; run `%s`", pending, MIGRATE)


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _report(problem: object, hint: str, exit_code: int) -> int:
    print(f"error: {problem}\nhint: {hint}", file=sys.stderr)
    return exit_code
