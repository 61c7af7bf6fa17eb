"""The log files of the seeds (C17), beside what goes to standard output: who looks for one thing finds it alone.

app.log         everything
error.log       errors only
system.log      start, stop, health
websocket.log   clients that come and go, events
media.log       assets, files, jobs
"""

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

MAX_BYTES = 10_000_000
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


def file_handlers(folder: Path) -> list[logging.Handler]:
    """Return a handler for each file; raises OSError when the folder cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_handler(folder, name, loggers) for name, loggers in FILES.items()]


def _handler(folder: Path, name: str, loggers: tuple[str, ...]) -> logging.Handler:
    # Opened with the first line: a file that is never written to is not there.
    handler = RotatingFileHandler(
        folder / f"{name}.log", maxBytes=MAX_BYTES, backupCount=KEPT, encoding="utf-8", delay=True
    )
    if name == "error":
        handler.setLevel(logging.ERROR)
    if loggers:
        handler.addFilter(lambda record: record.name.startswith(loggers))
    return handler
