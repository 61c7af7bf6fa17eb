"""Telling what a failure of the disk or the database means for who asked."""

import errno
import shutil
import sqlite3
from enum import StrEnum
from pathlib import Path

from .database_problem import DatabaseBusy, DatabaseProblem

FULL_BYTES = 1024 * 1024
"""With less than this on its disk, a database can be read but hardly be written."""


class Problem(StrEnum):
    """What is wrong, in the words of an answer."""

    BUSY = "the database is busy; try again"
    FULL = "the disk is full"
    FAILED = "the database failed; the log says more"


def problem_of(error: BaseException) -> Problem | None:
    """Return what an error means; None when it is neither the disk's nor the database's."""
    if isinstance(error, OSError):
        return Problem.FULL if error.errno in {errno.ENOSPC, errno.EDQUOT} else None
    if isinstance(error, sqlite3.Error):
        return _of_sqlite(getattr(error, "sqlite_errorcode", 0))
    if isinstance(error, DatabaseProblem):
        return Problem.BUSY if isinstance(error, DatabaseBusy) else Problem.FAILED
    return None


def is_full(folder: Path) -> bool:
    """Whether the disk of a folder has no room for a transaction; False when nobody can tell."""
    try:
        return shutil.disk_usage(folder).free < FULL_BYTES
    except OSError:
        return False


def way_out(data_dir: Path, error: Exception) -> str:
    """Return what to do where a program cannot start on its data, for people."""
    if is_full(data_dir):
        return "the disk of DATA_DIR is full: make room and start again; nothing is lost"
    if isinstance(error, OSError):
        return "check DATA_DIR and its permissions"
    return "python -m services.backend reset-db keeps a backup and starts anew"


def _of_sqlite(code: int) -> Problem:
    # The index of the write-ahead log grows by itself, and says so in another way than the log does.
    if code & 0xFF == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE:
        return Problem.FULL
    busy = code & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    return Problem.BUSY if busy else Problem.FAILED
