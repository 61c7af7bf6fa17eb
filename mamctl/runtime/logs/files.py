"""Where the log, the index and the FIFO of a stream lie: the one place that knows their names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mamctl.core.manifest.choices import Streams


class LogFiles(NamedTuple):
    """One stream of one service: `stream` is output, stdout or stderr; `path` its log, `index` the log's index."""

    service: str
    stream: str
    path: str
    index: str  # type: ignore[assignment] # hides tuple.index, which nobody needs here


def log_files(logs_folder: str, index_folder: str, service: str, streams: Streams) -> tuple[LogFiles, ...]:
    """Return the files of a service: one stream `output` when merged, else `stdout` and `stderr`."""
    if streams == "split":
        return (
            _named(logs_folder, index_folder, service, "stdout", ".log"),
            _named(logs_folder, index_folder, service, "stderr", ".err.log"),
        )
    return (_named(logs_folder, index_folder, service, "output", ".log"),)


def fifo_path(fifo_folder: str, files: LogFiles) -> str:
    """Return the path of the FIFO that the stream of `files` is written to."""
    ending = ".err" if files.stream == "stderr" else ".out"
    return os.path.join(fifo_folder, files.service + ending)


def numbered(path: str, number: int) -> str:
    """Return the name of a rotated file: 0 is the current one, 1 the youngest of the old ones."""
    return f"{path}.{number}" if number else path


def unborn(path: str) -> str:
    """Return the name under which rotation prepares the next file before it takes the old one's place."""
    return path + ".new"


def _named(logs: str, indexes: str, service: str, stream: str, ending: str) -> LogFiles:
    log = service + ending
    return LogFiles(service, stream, os.path.join(logs, log), os.path.join(indexes, log + ".idx"))
