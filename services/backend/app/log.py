"""One line per event on standard output, where the supervisor reads it."""

import logging
import sys
from pathlib import Path

from .log_files import file_handlers

# Asked every few seconds by supervisors and pages; their lines would bury the others.
QUIET_PATHS = ("/health/", "/thumbnails/")
SHORT = {"/live", "/ready"}


class OneLine(logging.Formatter):
    """Keeps a traceback on the line of its event."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the event as one line."""
        return super().format(record).rstrip("\n").replace("\n", " | ")


class Quiet(logging.Filter):
    """Leaves out the access lines of what went well at the quiet paths."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is kept."""
        arguments = record.args if isinstance(record.args, tuple) else ()
        if len(arguments) != 5:
            return True
        path, status = str(arguments[2]), arguments[4]
        is_quiet = path in SHORT or any(part in path for part in QUIET_PATHS)
        return not (is_quiet and isinstance(status, int) and status < 400)


def configure_log(*, debug: bool, folder: Path | None = None) -> None:
    """Send everything from our level up to standard output, and into the files of ``folder`` if it is given."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stdout)]
    complaint = None
    if folder is not None:
        try:
            handlers += file_handlers(folder)
        except OSError as error:
            complaint = error.strerror
    for handler in handlers:
        handler.setFormatter(OneLine("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.DEBUG if debug else logging.INFO, handlers=handlers, force=True)
    if complaint:
        logging.getLogger("mam.server").warning("there are no log files: LOG_DIR cannot be written (%s)", complaint)
    logging.getLogger("uvicorn.access").addFilter(Quiet())
    # These tell of every frame and every start of theirs; we say what matters ourselves.
    for name in ("websockets", "PIL", "asyncio", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)
