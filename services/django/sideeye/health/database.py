"""The state of the database: whether it can be read, and whether it has today's shape."""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor


def database_problem() -> str | None:
    """Return why the database cannot be read, or None.

    A constant query would not touch the file, so the table of contents is read. The connection is closed
    at the end of each request: an open one would go on reading a file that was removed long ago.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM sqlite_master")
            cursor.fetchone()
    except DatabaseError as problem:
        return str(problem)
    return None


def pending_migrations() -> int:
    """Return how many migrations are not applied; raise DatabaseError when the database cannot be read."""
    try:
        executor = MigrationExecutor(connection)
        return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    finally:
        connection.close()
