"""Numbered SQL migrations: which the program knows, which a database has, and applying the rest.

Each file ``NNNN_what.sql`` is applied once, in the order of the numbers, in a transaction of its
own, and its number is recorded in that same transaction. Numbers may come in any order over time:
a 0003 that is written after 0100 was applied is still applied, once. So two branches of work
can each add their own without renumbering.
"""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from .database_problem import DatabaseProblem

MIGRATIONS = Path(__file__).resolve().parents[1] / "migrations"

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_TABLE = """CREATE TABLE IF NOT EXISTS schema_migrations (
    number INTEGER PRIMARY KEY,
    applied_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
)"""


def known_migrations() -> frozenset[int]:
    """Return the numbers of the migrations that this program has."""
    return frozenset(_files())


def stored_migrations(path: Path) -> frozenset[int]:
    """Read which migrations the database at ``path`` has; none when there is no file. Changes nothing."""
    if not path.exists():
        return frozenset()
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1)) as connection:
            return frozenset(_applied(connection))
    except sqlite3.Error as error:
        raise DatabaseProblem(f"the database cannot be read: {error}") from error


def migrate(connection: sqlite3.Connection) -> list[int]:
    """Apply what is missing and return its numbers; raises DatabaseProblem for a newer program's database."""
    files, applied = _files(), _applied(connection)
    foreign = applied - set(files)
    if foreign:
        raise DatabaseProblem(
            f"the database has version {max(foreign)}, this program knows up to {max(files)}; use the newer program"
        )
    missing = sorted(set(files) - applied)
    if missing:
        _record(connection, applied)
    for number in missing:
        _apply(connection, number, files[number].read_text(encoding="utf-8"))
    return missing


def _files() -> dict[int, Path]:
    named = ((_NAME.fullmatch(path.name), path) for path in MIGRATIONS.glob("*.sql"))
    return {int(match[1]): path for match, path in named if match}


def _applied(connection: sqlite3.Connection) -> set[int]:
    table = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'").fetchone()
    if table:
        return {row[0] for row in connection.execute("SELECT number FROM schema_migrations")}
    # Before there was the table, user_version counted.
    return set(range(1, int(connection.execute("PRAGMA user_version").fetchone()[0]) + 1))


def _record(connection: sqlite3.Connection, numbers: set[int]) -> None:
    connection.execute(_TABLE)
    connection.executemany("INSERT OR IGNORE INTO schema_migrations (number) VALUES (?)", [(n,) for n in numbers])


def _apply(connection: sqlite3.Connection, number: int, script: str) -> None:
    # A process that starts at the same time waits here, and then fails at the number: it is taken.
    record = f"INSERT INTO schema_migrations (number) VALUES ({number:d});"  # noqa: S608  a number of ours
    try:
        connection.executescript(f"BEGIN IMMEDIATE;\n{record}\n{script}\nCOMMIT;")
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if isinstance(error, sqlite3.IntegrityError) and number in _applied(connection):
            return
        raise
