"""The thread that notices new events in the database, whoever wrote them.

SQLite tells cheaply whether another connection has committed (``PRAGMA data_version``); only then
is the table read. Writers of this process wake the thread, so their events are not even that late.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence

from services.backend.app.models.database import Database
from services.backend.app.models.database_problem import DatabaseProblem
from services.backend.app.models.event_log import KEPT, Event, EventLog

from .job_news import JobNews
from .twin_news import TwinNews

LOOK_EVERY_S = 0.05
BATCH = 1000
PRUNE_AFTER = KEPT // 10
STOP_S = 1.0

log = logging.getLogger("mam.websocket")


class EventReader:
    """Reads every event after ``seq`` and hands it to ``deliver`` in order, from a thread of its own."""

    def __init__(
        self,
        database: Database,
        *,
        seq: int,
        deliver: Callable[[Sequence[Event]], None],
        jobs: JobNews,
        twins: TwinNews,
    ) -> None:
        self._database = database
        self._log = EventLog(database)
        self._seq = seq
        self._deliver = deliver
        self._jobs = jobs
        self._twins = twins
        self._pruned_at = 0
        self._news = threading.Event()
        self._stopping = False
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()
        self._twins.start()

    def wake(self) -> None:
        """Say that something was committed just now."""
        self._news.set()

    def stop(self) -> None:
        """End the thread; waits for at most STOP_S."""
        self._stopping = True
        self._news.set()
        self._twins.stop()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def _run(self) -> None:
        version = -1
        while not self._stopping:
            self._news.clear()
            try:
                seen = self._version()
                if seen != version:
                    self._read()
                    version = seen
                    self._jobs.note_change()
                    self._twins.note_change()
                self._jobs.tell()
                self._failing = False
            except (sqlite3.Error, DatabaseProblem) as error:
                if not self._failing:  # once, not at every attempt
                    log.error("events cannot be read at the moment: %s", error)  # noqa: TRY400  a full sentence
                self._failing = True
            self._news.wait(LOOK_EVERY_S)

    def _version(self) -> int:
        return int(self._database.watch().execute("PRAGMA data_version").fetchone()[0])

    def _read(self) -> None:
        while not self._stopping:
            events, _ = self._log.since(self._seq, BATCH)
            if events:
                self._deliver(events)
                self._seq = events[-1].seq
            if len(events) < BATCH:
                break
        if self._seq - self._pruned_at >= PRUNE_AFTER:
            self._pruned_at = self._seq
            self._log.prune()
