"""How the backend is: each part asked, and the machine's figures."""

import os
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from services.backend.app.config import Config
from services.backend.app.models.database_problem import DatabaseProblem
from services.backend.app.models.migration import known_migrations, stored_migrations
from services.backend.app.models.root_store import NOT_CONFIGURED, Root, RootStore
from services.backend.app.models.soundness import Soundness
from services.backend.app.models.worker_store import KnownWorker, WorkerStore

from .events import Hub
from .media_root import MediaRoot

if TYPE_CHECKING:
    from services.backend.app import answers

ALIVE_S = 10.0
"""A worker beats every 2 s; one that was silent for so long hangs, or its machine does."""

FREE_BYTES = 64 * 1024 * 1024
VITAL = ("database", "websocket")


@dataclass(frozen=True, slots=True)
class Health:
    """One look: parts of seed 000 and ruling C16, and percentages of the machine's use."""

    services: dict[str, bool]
    system: dict[str, float]

    @property
    def status(self) -> str:
        """``healthy``, ``degraded`` (a part fails that reading can do without) or ``unhealthy``."""
        if all(self.services.values()):
            return "healthy"
        return "degraded" if all(self.services[name] for name in VITAL) else "unhealthy"

    def to_json(self) -> "answers.Health":
        """Return the body of ``/health/status``."""
        return {"status": self.status, "services": self.services, "system": self.system}


class HealthCheck:
    """Looks at everything; a look reads files, so it belongs into a thread with a deadline."""

    def __init__(
        self,
        config: Config,
        hub: Hub,
        root: MediaRoot,
        workers: WorkerStore,
        roots: RootStore,
        soundness: Soundness | None = None,
    ) -> None:
        self._config = config
        self._hub = hub
        self._root = root
        self._workers = workers
        self._roots = roots
        self._soundness = soundness
        psutil.cpu_percent()  # the first call only starts the measurement

    def look(self) -> Health:
        """Ask every part. Never raises."""
        try:
            workers, roots = alive(self._workers.known(time.time())), self._roots.all()
        except (DatabaseProblem, sqlite3.Error):
            workers, roots = [], []
        services = {
            "database": self._database(),
            "websocket": self._hub.is_open,
            # Nobody here decodes: without a worker, what is queued waits.
            "media_processor": bool(workers),
            "processing_queue": any(worker.trouble is None for worker in workers),
            "file_system": self._file_system(roots),
        }
        return Health(services, self._system())

    def without_answer(self) -> Health:
        """Return what to say when a look does not come back: the disk hangs."""
        services = dict.fromkeys(("database", "media_processor", "processing_queue", "file_system"), False)
        return Health({"database": False, "websocket": self._hub.is_open, **services}, {})

    def _database(self) -> bool:
        if self._soundness is not None and self._soundness.damage is not None:
            return False
        # A new connection each time: an open one goes on working on a file that was deleted.
        try:
            return stored_migrations(self._config.database_path) == known_migrations()
        except DatabaseProblem:
            return False

    def _file_system(self, roots: list[Root]) -> bool:
        try:
            free = psutil.disk_usage(str(self._config.data_dir)).free
        except OSError:
            return False
        if any(root.offline_since is not None and root.reason != NOT_CONFIGURED for root in roots):
            return False
        return free > FREE_BYTES and os.access(self._config.data_dir, os.W_OK) and self._root.is_readable()

    def _system(self) -> dict[str, float]:
        try:
            disk = psutil.disk_usage(str(self._config.data_dir)).percent
        except OSError:
            disk = 100.0
        return {
            "memory_usage": psutil.virtual_memory().percent,
            "disk_usage": disk,
            "cpu_usage": psutil.cpu_percent(),
        }


def alive(workers: Sequence[KnownWorker]) -> list[KnownWorker]:
    """Return the workers that were heard of lately."""
    return [worker for worker in workers if worker.heartbeat_age_s < ALIVE_S]
