"""The log files of the seeds (C17), beside what goes to standard output: who looks for one thing finds it alone.

app.log         everything
error.log       errors only
system.log      start, stop, health
websocket.log   clients that come and go, events
media.log       assets, files, jobs
"""

import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

MAX_BYTES = 10_000_000
GAP = "lines are missing here: the file could not be written"
KEPT = 5
"""Rotated files of each name: .1 to .5."""

FILES = {
    "app": (),
    "error": (),
    "system": ("mam.server", "mam.health"),
    "websocket": ("mam.websocket",),
    "media": ("mam.assets", "mam.files", "mam.jobs", "mam.media", "mam.scan"),
}
"""Which loggers write to a file; none means all."""


class LogFile(RotatingFileHandler):
    """One of them. A full disk costs lines, and leaves a mark where they are missing; nobody waits for it."""

    def __init__(self, path: Path) -> None:
        # Opened with the first line: a file that is never written to is not there.
        super().__init__(path, maxBytes=MAX_BYTES, backupCount=KEPT, encoding="utf-8", delay=True)
        self._failed = self._is_losing = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, after a mark where lines are missing."""
        if self._is_losing:
            self._failed = False
            super().emit(logging.makeLogRecord({"name": record.name, "levelname": "WARNING", "msg": GAP}))
            if self._failed:
                return
            self._is_losing = False
        super().emit(record)

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802  the library's name
        """Say once where the supervisor reads that lines are lost: a traceback for each would be a flood."""
        self._failed = True
        if not self._is_losing:
            self._is_losing = True
            print(f"{Path(self.baseFilename).name} loses lines: {sys.exc_info()[1]}", file=sys.stderr, flush=True)


def file_handlers(folder: Path) -> list[logging.Handler]:
    """Return a handler for each file; raises OSError when the folder cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_handler(folder, name, loggers) for name, loggers in FILES.items()]


def _handler(folder: Path, name: str, loggers: tuple[str, ...]) -> logging.Handler:
    handler = LogFile(folder / f"{name}.log")
    if name == "error":
        handler.setLevel(logging.ERROR)
    if loggers:
        handler.addFilter(lambda record: record.name.startswith(loggers))
    return handler
