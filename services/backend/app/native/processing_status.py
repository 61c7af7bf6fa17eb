"""The body of ``/health/processing``."""

import time
from dataclasses import dataclass
from typing import cast

from services.backend.app import answers
from services.backend.app.application import Application
from services.backend.app.models.job_store import Backlog
from services.backend.app.models.root_store import Root
from services.backend.app.models.storage_problem import is_full
from services.backend.app.models.worker_store import KnownWorker
from services.backend.app.services.health import alive


@dataclass(frozen=True, slots=True)
class Processing:
    """One look at the queue and at who works on it."""

    backlog: Backlog
    workers: list[KnownWorker]
    roots: list[Root]
    """That of MEDIA_PATH first."""
    paused: bool
    full: bool
    """Whether the disk of the database has no room: then nobody can even say that they work."""

    @property
    def trouble(self) -> str | None:
        """Why nothing is worked on; None when all is well."""
        living = alive(self.workers)
        if self.full:
            return "the disk is full; what is queued waits for room"
        if not living:
            return "no worker is running; what is queued waits (python -m services.worker)"
        if self.roots[0].offline_since is not None:
            return f"the media are offline: {self.roots[0].reason}"
        if all(worker.trouble for worker in living):
            return living[0].trouble
        return None

    def to_json(self) -> answers.ProcessingHealth:
        """Return the body."""
        return {
            "status": "unhealthy" if self.trouble else "healthy",
            "reason": self.trouble,
            "queued": self.backlog.queued,
            "active": self.backlog.active,
            "failed": self.backlog.failed,
            "later": self.backlog.later,
            "paused": self.paused,
            "oldest_age_s": self.backlog.oldest_age_s,
            "rate_per_s": round(sum(worker.rate_per_s for worker in alive(self.workers)), 2),
            # Their JSON has just their fields.
            "workers": cast("list[KnownWorker]", [worker.to_json() for worker in self.workers]),
            "roots": [root.to_json() for root in self.roots],
        }


def processing_of(application: Application) -> Processing:
    """Look. Reads the database, so it belongs into a thread."""
    return Processing(
        backlog=application.jobs.backlog(),
        workers=application.workers.known(time.time()),
        roots=application.roots.all(),
        paused=application.jobs.is_paused(),
        full=is_full(application.config.data_dir),
    )
