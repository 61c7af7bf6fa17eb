"""A worker's place among the others: an id of its own, and a lock by which the others see at once that it died.

A lease says the same, only later: the kernel frees the lock with the process, however it ended. All workers of a
library are on one machine, as its media are.
"""

import fcntl
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

_ID = re.compile(r"[0-9]+-[0-9a-f]{8}")


class Seat:
    """Held from construction to :meth:`leave`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.id = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._descriptor = os.open(self._path(self.id), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def dead(self, workers: list[str]) -> list[str]:
        """Return which of these workers are dead, and clear their locks away."""
        return [worker for worker in workers if worker != self.id and self._is_dead(worker)]

    def leave(self) -> None:
        """Free the place."""
        self._path(self.id).unlink(missing_ok=True)
        os.close(self._descriptor)

    def _is_dead(self, worker: str) -> bool:
        if not _ID.fullmatch(worker):
            return False
        try:
            descriptor = os.open(self._path(worker), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return True  # it left, or died and somebody cleared it away
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(descriptor)
        with suppress(OSError):
            self._path(worker).unlink()
        return True

    def _path(self, worker: str) -> Path:
        return self._folder / f"{worker}.lock"
