"""Telling copies that another asset is their original now: it came, went into the trash or out of it, or is deleted.

Triggers note it (migration 0106), whichever program makes the change; this thread gives the copies another revision,
for which triggers write an ``asset_updated`` each. A batch at a time with a pause: ten thousand copies keep no other
writer waiting, and what was not told when the backend ended is told by the next one.
"""

import logging
import sqlite3
import threading

from services.backend.app.models.database import Database
from services.backend.app.models.database_problem import DatabaseProblem
from services.backend.app.models.duplicates import Duplicates

BATCH = 100
PAUSE_S = 0.05
AGAIN_S = 5.0
"""After an error: the disk is full, or somebody else writes for long."""

STOP_S = 1.0

log = logging.getLogger("mam.websocket")


class TwinNews:
    """A thread between :meth:`start` and :meth:`stop`."""

    def __init__(self, database: Database) -> None:
        self._duplicates = Duplicates(database)
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._has_failed = False
        self._thread = threading.Thread(target=self._run, name="twins", daemon=True)

    def start(self) -> None:
        """Begin, with what an earlier backend has left."""
        self._news.set()
        self._thread.start()

    def note_change(self) -> None:
        """Say that something was committed."""
        self._news.set()

    def stop(self) -> None:
        """End the thread; waits for at most STOP_S."""
        self._stopping.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._news.wait()
            self._news.clear()
            try:
                while not self._stopping.is_set() and self._duplicates.tell(BATCH):
                    self._stopping.wait(PAUSE_S)
                self._has_failed = False
            except (sqlite3.Error, DatabaseProblem) as error:
                if not self._has_failed:  # once, not at every attempt
                    log.warning("copies cannot be told of their originals at the moment: %s", error)
                self._has_failed = True
                self._stopping.wait(AGAIN_S)
                self._news.set()
