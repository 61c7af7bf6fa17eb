"""The data folder: the database file and the secret key, both readable by their owner only."""

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from sideeye.environment import ConfigError

DATABASE = "django.db"
SECRET_KEY = "django-secret-key"  # noqa: S105 - the name of the file, not a key
OWNER_ONLY = 0o600


def database_url(folder: Path) -> str:
    """Return the SQLite URI of the database; `rw` never creates it, so that a lost file is noticed."""
    return f"file:{quote(str(folder / DATABASE))}?mode=rw"


def create_database(folder: Path) -> None:
    """Make the database file unless it is there, and switch it to write-ahead logging (the file keeps that).

    Raise sqlite3.Error when the file is no database or is locked; OSError when it cannot be made.
    """
    path = folder / DATABASE
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, OWNER_ONLY))
    with contextlib.closing(sqlite3.connect(path, timeout=5)) as database:
        database.execute("PRAGMA journal_mode=WAL")


def create_folder(folder: Path) -> None:
    """Make the data folder; raise ConfigError when that cannot be done or nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise ConfigError(f"DATA_DIR cannot be made: {problem.strerror}", "set DATA_DIR to a folder") from problem
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError("DATA_DIR cannot be written", "change its owner, or set DATA_DIR to another folder")


def secret_key(folder: Path, generate: Callable[[], str]) -> str:
    """Return the key kept in the folder, made once; raise ConfigError when it cannot be kept or is too short.

    Two processes that start together agree on one.
    """
    path = folder / SECRET_KEY
    try:
        if not path.exists():
            _write_once(path, generate())
        path.chmod(OWNER_ONLY)
        key = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{SECRET_KEY} in DATA_DIR cannot be used", f"{problem}; or set SECRET_KEY") from problem
    if len(key) < 50:
        raise ConfigError(f"{SECRET_KEY} in DATA_DIR is shorter than 50 characters", "remove it; it is made anew")
    return key


def _write_once(path: Path, key: str) -> None:
    # A link appears whole or not at all, and never in the place of another. The draft is its owner's only.
    descriptor, draft = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        os.unlink(draft)
