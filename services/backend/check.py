"""``python -m services.backend.check``: is the database there and migrated? Changes nothing."""

import os
import sys

from .app.config import Config, ConfigError
from .app.models.database import DatabaseProblem, latest_version, stored_version


def check(config: Config) -> int:
    """Print one sentence; 0 when the database is migrated, else 1."""
    try:
        stored = stored_version(config.database_path)
    except DatabaseProblem as error:
        print(error, file=sys.stderr)
        return 1
    if stored == latest_version():
        print(f"the database is migrated (version {stored})")
        return 0
    if stored == 0:
        print("the database does not exist yet; starting the backend makes it", file=sys.stderr)
    else:
        print(f"the database has version {stored}, this program needs {latest_version()}", file=sys.stderr)
    return 1


def main() -> int:
    """Check the database that the environment names."""
    try:
        return check(Config.from_environment(os.environ))
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
