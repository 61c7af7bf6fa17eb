"""SQLite in WAL mode: one connection that writes, a bounded pool of connections that read.

SQLite allows one writer at a time. With a single writing connection whose turns they take (see
:mod:`.writer`), our own threads never meet ``database is locked``; readers never wait for it at all.
"""

import queue
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .database_problem import DatabaseBusy, DatabaseProblem
from .migration import migrate
from .writer import Writer

BUSY_S = 5.0
MAX_READERS = 24
PRAGMAS = ("synchronous = NORMAL", "foreign_keys = ON", "cache_size = -16384", "mmap_size = 268435456")


class Database:
    """The open database. Thread-safe; :meth:`close` ends it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer = Writer(_connect(path, create=True))
        self._watcher: sqlite3.Connection | None = None
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._slots = threading.BoundedSemaphore(MAX_READERS)
        try:
            self._prepare()
        except BaseException:
            self._writer.connection.close()
            raise

    def _prepare(self) -> None:
        try:
            self._writer.connection.execute("PRAGMA journal_mode = WAL").fetchone()
            migrate(self._writer.connection)
        except sqlite3.Error as error:
            raise DatabaseProblem(f"the database cannot be used: {error}") from error

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Give the writing connection inside a transaction, committed at the end; an exception rolls it back.

        Raises DatabaseBusy when another thread writes for longer than BUSY_S.
        """
        with self._writer.transaction(within=BUSY_S) as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Give a reading connection; it sees the last committed state and never waits for the writer."""
        if not self._slots.acquire(timeout=BUSY_S):
            raise DatabaseBusy("too many readers of the database")
        try:
            connection = self._reader()
            try:
                yield connection
            finally:
                self._idle.put(connection)
        finally:
            self._slots.release()

    def _reader(self) -> sqlite3.Connection:
        with suppress(queue.Empty):
            return self._idle.get_nowait()
        connection = _connect(self.path, create=False)
        connection.execute("PRAGMA query_only = ON")
        return connection

    def watch(self) -> sqlite3.Connection:
        """Return the connection for one thread that watches ``PRAGMA data_version``; the same each time."""
        if self._watcher is None:
            self._watcher = _connect(self.path, create=False)
        return self._watcher

    def close(self) -> None:
        """Close all connections; SQLite folds the WAL into the file with the last one."""
        with suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()
        if self._watcher is not None:
            self._watcher.close()
        self._writer.close(within=1)


def _connect(path: Path, *, create: bool) -> sqlite3.Connection:
    # A reader must not make the file anew that somebody deleted beneath us.
    mode = "rwc" if create else "rw"
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY_S,
            isolation_level=None,
            check_same_thread=False,
        )
    except sqlite3.Error as error:
        raise DatabaseProblem(f"the database cannot be opened: {error}") from error
    connection.row_factory = sqlite3.Row
    try:
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error as error:
        connection.close()
        raise DatabaseProblem(f"the database cannot be opened: {error}") from error
    return connection
