import os
import sqlite3
import threading
from contextlib import closing

import pytest

from services.backend.app.models import database as database_module
from services.backend.app.models import migration
from services.backend.app.models.data_lock import DataInUse, DataLock
from services.backend.app.models.database import Database
from services.backend.app.models.database_problem import DatabaseBusy, DatabaseProblem
from services.backend.app.models.migration import known_migrations, stored_migrations


def insert(connection: sqlite3.Connection, path: str) -> None:
    connection.execute(
        "INSERT INTO media_assets (title, file_path, media_type, mime_type) VALUES ('t', ?, 'image', 'm')", (path,)
    )


def insert_twice(database: Database) -> None:
    with database.write() as connection:
        insert(connection, "p")
        insert(connection, "p")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mam.db"


def test_a_new_file_gets_the_schema_of_the_seed(path):
    with closing(Database(path)) as database, database.read() as connection:
        columns = {row["name"] for row in connection.execute("PRAGMA table_xinfo(media_assets)")}
        indexes = {row["name"] for row in connection.execute("PRAGMA index_list(media_assets)")}
    assert columns >= {
        "id", "title", "file_path", "file_size", "file_size_mb", "format", "duration", "duration_formatted", "width",
        "height", "fps", "codec", "container_format", "bit_rate", "created_at", "updated_at",
    }  # fmt: skip
    assert indexes >= {"idx_media_assets_file_path", "idx_media_assets_updated_at"}


def test_the_generated_columns_agree_with_what_they_come_from(path):
    with closing(Database(path)) as database:
        with database.write() as connection:
            connection.execute(
                "INSERT INTO media_assets (title, file_path, file_size, duration, media_type, mime_type)"
                " VALUES ('t', 'p', 3145728, 3725.9, 'video', 'video/mp4')"
            )
        with database.read() as connection:
            row = connection.execute("SELECT file_size_mb, duration_formatted FROM media_assets").fetchone()
    assert tuple(row) == (3.0, "01:02:05")


def test_opening_twice_migrates_once(path):
    Database(path).close()
    Database(path).close()
    assert stored_migrations(path) == known_migrations()


def test_a_missing_file_has_no_migrations_and_is_not_made_by_looking(path):
    assert stored_migrations(path) == frozenset()
    assert not path.exists()


def test_a_database_of_a_newer_program_is_refused_and_left_alone(path):
    Database(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO schema_migrations (number) VALUES (9999)")
        connection.commit()
    with pytest.raises(DatabaseProblem, match="version 9999"):
        Database(path)
    assert max(stored_migrations(path)) == 9999


def test_a_file_that_is_no_database_is_refused_with_a_sentence(path):
    path.write_bytes(b"this is a text, and no database at all" * 100)
    with pytest.raises(DatabaseProblem, match="not a database"):
        Database(path)
    with pytest.raises(DatabaseProblem, match="cannot be read"):
        stored_migrations(path)


def test_a_migration_that_fails_leaves_nothing_half_done(path, tmp_path, monkeypatch):
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_good.sql").write_text("CREATE TABLE a (x);")
    (folder / "0002_bad.sql").write_text("CREATE TABLE b (x); CREATE TABLE a (x);")
    monkeypatch.setattr(migration, "MIGRATIONS", folder)
    with pytest.raises(DatabaseProblem):
        Database(path)
    with closing(sqlite3.connect(path)) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    assert (tables, stored_migrations(path)) == ({"schema_migrations", "a"}, {1})


def test_a_lower_number_that_comes_later_is_applied_once(path, tmp_path, monkeypatch):
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_first.sql").write_text("CREATE TABLE a (x);")
    (folder / "0100_other.sql").write_text("CREATE TABLE b (x);")
    monkeypatch.setattr(migration, "MIGRATIONS", folder)
    Database(path).close()
    (folder / "0002_late.sql").write_text("CREATE TABLE c (x);")
    Database(path).close()
    Database(path).close()
    assert stored_migrations(path) == {1, 2, 100}


def test_a_database_from_before_the_record_is_not_migrated_again(path, tmp_path, monkeypatch):
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE a (x); PRAGMA user_version = 1;")
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_first.sql").write_text("CREATE TABLE a (x);")
    (folder / "0002_next.sql").write_text("CREATE TABLE b (x);")
    monkeypatch.setattr(migration, "MIGRATIONS", folder)
    Database(path).close()
    assert stored_migrations(path) == {1, 2}


def test_an_exception_rolls_the_transaction_back(path):
    with closing(Database(path)) as database:
        with pytest.raises(sqlite3.IntegrityError):
            insert_twice(database)
        with database.read() as connection:
            assert connection.execute("SELECT count(*) FROM media_assets").fetchone()[0] == 0
        with database.write():
            pass


def test_readers_do_not_wait_for_the_writer_and_see_the_last_commit(path):
    with closing(Database(path)) as database, database.write() as writing:
        insert(writing, "p")
        with database.read() as reading:
            assert reading.execute("SELECT count(*) FROM media_assets").fetchone()[0] == 0


def test_a_reader_cannot_write(path):
    with closing(Database(path)) as database, database.read() as connection, pytest.raises(sqlite3.OperationalError):
        connection.execute("DELETE FROM media_assets")


def test_many_threads_write_without_losing_anything(path):
    with closing(Database(path)) as database:

        def write(thread: int) -> None:
            for number in range(20):
                with database.write() as connection:
                    insert(connection, f"{thread}-{number}")

        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        with database.read() as connection:
            assert connection.execute("SELECT count(*) FROM media_assets").fetchone()[0] == 160


def test_a_writer_that_waits_too_long_says_that_the_database_is_busy(path, monkeypatch):
    monkeypatch.setattr(database_module, "BUSY_S", 0.01)
    with closing(Database(path)) as database, database.write(), pytest.raises(DatabaseBusy), database.write():
        pass


def test_the_data_folder_is_held_once_and_its_holder_named(tmp_path):
    lock = DataLock(tmp_path / "mam.lock")
    with pytest.raises(DataInUse, match=f"pid {os.getpid()}"):
        DataLock(tmp_path / "mam.lock")
    lock.release()
    DataLock(tmp_path / "mam.lock").release()
