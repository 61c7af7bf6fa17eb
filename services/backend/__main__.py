"""``python -m services.backend``: serve, or one of the chores."""

import argparse
import os
import sys
from collections.abc import Sequence

from .app.config import Config, ConfigError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 it could not be done, 2 usage or settings."""
    parser = argparse.ArgumentParser(prog="python -m services.backend", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("serve", help="serve the API (the default)")
    commands.add_parser("check", help="say whether the database is migrated")
    commands.add_parser("cleanup", help="remove unused thumbnails, unfinished uploads and old backups")
    commands.add_parser("backup", help="write a copy of the database, beside a running server too")
    commands.add_parser("migrate", help="bring the database up to date")
    reset = commands.add_parser("reset-db", help="back the database up and start with an empty one")
    reset.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args(arguments)
    try:
        config = Config.from_environment(os.environ)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return _run(options, config)


def _run(options: argparse.Namespace, config: Config) -> int:
    # Each imports what it needs: a chore has no use for the server.
    if options.command == "check":
        from .check import check

        return check(config)
    if options.command in {None, "serve"}:
        from .app.server import serve

        return serve(config)
    from .app.chores import back_up_database, cleanup, migrate_database, reset_database

    if options.command == "reset-db":
        return reset_database(config, confirmed=options.yes)
    return {"cleanup": cleanup, "backup": back_up_database, "migrate": migrate_database}[options.command](config)


if __name__ == "__main__":
    raise SystemExit(main())
