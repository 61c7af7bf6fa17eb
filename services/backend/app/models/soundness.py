"""Looking a database through after a backend that did not stop as it should (the machine lost its power, say)."""

import logging
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path

STOP_S = 1.0

log = logging.getLogger("mam.health")


class Soundness:
    """SQLite's quick check, in a thread of its own: a million assets take it some seconds, and nobody waits for it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="soundness", daemon=True)
        self.damage: str | None = None
        """What is wrong, as SQLite says it; None as long as nothing was found."""

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End it, also in the middle; waits for at most STOP_S."""
        self._stopping = True
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.interrupt()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def _run(self) -> None:
        log.info("the last backend did not stop as it should; the database is looked through")
        try:
            damage = self._look()
        except sqlite3.DatabaseError as error:
            damage = None if self._stopping or isinstance(error, sqlite3.OperationalError) else str(error)
        if damage is None:
            log.info("the database is sound" if not self._stopping else "the look through the database is cut short")
            return
        self.damage = damage
        log.error("the database is damaged: %s (python -m services.backend reset-db keeps it and starts anew)", damage)

    def _look(self) -> str | None:
        uri = f"{self._path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=5, check_same_thread=False)) as connection:
            self._connection = connection
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            self._connection = None
        return None if found == "ok" else str(found).partition("\n")[0]
