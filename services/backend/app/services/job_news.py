"""How the queue stands, for clients that show it: told when it changed, at most twice a second."""

import json
import time
from collections.abc import Callable

from services.backend.app.models.database import Database
from services.backend.app.models.job_store import JobStore

EVERY_S = 0.5


class JobNews:
    """Belongs to the thread that notices changes of the database. Figures have no number: the latest count."""

    def __init__(self, database: Database, deliver: Callable[[str], None]) -> None:
        self._jobs = JobStore(database)
        self._deliver = deliver
        self._due = False
        self._not_before = 0.0
        self._told: dict[str, int] | None = None

    def note_change(self) -> None:
        """Say that something was committed."""
        self._due = True

    def tell(self) -> None:
        """Tell what is due, when it is time; raises sqlite3.Error or DatabaseProblem."""
        if not self._due or time.monotonic() < self._not_before:
            return
        self._not_before = time.monotonic() + EVERY_S
        figures = self._jobs.figures()
        self._due = False
        # What stands there when the first client may come is no news.
        if self._told is not None and figures != self._told:
            self._deliver(json.dumps({"type": "jobs", "data": figures}))
        self._told = figures
