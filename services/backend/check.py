"""``python -m services.backend.check``: is the database there and migrated? Changes nothing."""

import os
import sys

from .app.config import Config, ConfigError
from .app.models.database_problem import DatabaseProblem
from .app.models.migration import known_migrations, stored_migrations


def check(config: Config) -> int:
    """Print one sentence; 0 when the database is migrated, else 1."""
    try:
        stored = stored_migrations(config.database_path)
    except DatabaseProblem as error:
        print(error, file=sys.stderr)
        return 1
    known = known_migrations()
    if stored == known:
        print(f"the database is migrated ({len(stored)} migrations, the newest is {max(stored):04d})")
        return 0
    print(_difference(stored, known), file=sys.stderr)
    return 1


def _difference(stored: frozenset[int], known: frozenset[int]) -> str:
    if not stored:
        return "the database does not exist yet; starting the backend makes it"
    if stored - known:
        return (
            f"the database is of a newer program: it has migration {max(stored):04d}, this one knows {max(known):04d}"
        )
    missing = ", ".join(f"{number:04d}" for number in sorted(known - stored))
    return f"the database lacks the migrations {missing}; `python -m services.backend migrate` applies them"


def main() -> int:
    """Check the database that the environment names."""
    try:
        return check(Config.from_environment(os.environ))
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
