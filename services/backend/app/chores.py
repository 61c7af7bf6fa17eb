"""``cleanup``, ``backup``, ``migrate`` and ``reset-db``: what is done by hand, or by ``mamctl run``."""

import shutil
import sqlite3
import sys
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from .config import Config
from .models.asset_store import AssetStore
from .models.data_lock import DataHold, DataInUse, DataLock
from .models.database import Database
from .models.database_problem import DatabaseProblem
from .models.migration import known_migrations, stored_migrations
from .services.media_root import MediaRoot
from .services.thumbnail_store import ThumbnailStore
from .services.upload_store import UploadStore

OLD_S = 3600.0
"""Younger files may belong to an asset that is being made at this moment."""

KEEP_BACKUPS = 7


def cleanup(config: Config) -> int:
    """Remove thumbnails that no asset uses, unfinished files and old backups. Fine beside a running server."""
    if not config.database_path.exists():
        print("there is nothing to clean up: no database")
        return 0
    try:
        with closing(Database(config.database_path)) as database:
            used = AssetStore(database).thumbnail_keys()
            uploads = UploadStore(database, MediaRoot(config.media_base_path)).remove_expired()
    except DatabaseProblem as error:
        return _fail(str(error))
    thumbnails = ThumbnailStore(config.thumbnail_dir).remove_unused(used, older_than_s=OLD_S)
    backups = _prune_backups(config.backup_dir)
    print(f"removed {thumbnails} unused thumbnails, {uploads} unfinished uploads and {backups} old backups")
    return 0


def migrate_database(config: Config) -> int:
    """Apply the migrations that are missing; the backend and the worker do so too when they start."""
    try:
        config.data_dir.mkdir(parents=True, exist_ok=True)
        before = stored_migrations(config.database_path)
        Database(config.database_path).close()
    except (DatabaseProblem, OSError) as error:
        return _fail(str(error))
    applied = sorted(known_migrations() - before)
    print(f"applied {', '.join(f'{number:04d}' for number in applied)}" if applied else "the database is migrated")
    return 0


def back_up_database(config: Config) -> int:
    """Write a copy of the database beside a running server, and keep the newest KEEP_BACKUPS."""
    if not config.database_path.exists():
        return _fail("there is no database to back up; starting the backend makes it")
    try:
        backup = _back_up(config)
    except (OSError, sqlite3.Error) as error:
        return _fail(f"no backup could be made: {error}")
    removed = _prune_backups(config.backup_dir)
    print(f"backed up as {backup.relative_to(config.data_dir)} in the data folder; {removed} old ones are removed")
    return 0


def reset_database(config: Config, *, confirmed: bool) -> int:
    """Back the database up and remove it; the next start makes an empty one. Media are not touched."""
    if not config.database_path.exists():
        print("there is no database; nothing to do")
        return 0
    if not confirmed and not _asked():
        return 1
    try:
        lock = DataLock(config.lock_path)
    except DataInUse as error:
        return _fail(f"{error}; stop the backend first")
    try:
        alone = DataHold(config.workers_lock_path, alone=True)
    except DataInUse as error:
        lock.release()
        return _fail(f"{error}; stop the workers first")
    try:
        backup = _back_up(config)
        for suffix in ("", "-wal", "-shm"):
            config.database_path.with_name(config.database_path.name + suffix).unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as error:
        return _fail(f"the database stays as it is: no backup could be made ({error})")
    finally:
        alone.close()
        lock.release()
    print(f"the database is reset; the old one is kept as {backup.relative_to(config.data_dir)} in the data folder")
    return 0


def _back_up(config: Config) -> Path:
    config.backup_dir.mkdir(exist_ok=True)
    name = datetime.now(UTC).strftime("mam-%Y%m%dT%H%M%S.%fZ")
    target, unfinished = config.backup_dir / f"{name}.db", config.backup_dir / f".{name}.part"
    try:
        with closing(sqlite3.connect(config.database_path, timeout=5)) as connection:
            connection.execute("VACUUM INTO ?", (str(unfinished),))
        _begin_epoch(unfinished)
        unfinished.rename(target)
    except sqlite3.DatabaseError as error:
        unfinished.unlink(missing_ok=True)
        if isinstance(error, sqlite3.OperationalError):
            raise
        # Too damaged to be read: its bytes are kept as they are.
        target = config.backup_dir / f"{name}.damaged"
        shutil.copy2(config.database_path, target)
    return target


def _begin_epoch(backup: Path) -> None:
    """Give the copy an epoch of its own: where it is restored, numbers of events that came after it mean nothing."""
    with closing(sqlite3.connect(backup)) as connection, suppress(sqlite3.OperationalError), connection:
        connection.execute("UPDATE event_epoch SET epoch = lower(hex(randomblob(16)))")


def _prune_backups(folder: Path) -> int:
    old = sorted(folder.glob("mam-*"))[:-KEEP_BACKUPS]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _asked() -> bool:
    if not sys.stdin.isatty():
        _fail("reset-db asks first, and there is nobody to ask; give --yes")
        return False
    return input("Reset the database? A backup is kept. [y/N] ").strip().lower() in {"y", "yes"}


def _fail(why: str) -> int:
    print(f"error: {why}", file=sys.stderr)
    return 1
