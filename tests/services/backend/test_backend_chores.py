"""The chores, and the log files."""

import logging
import os
import sqlite3
from contextlib import closing

import pytest
from running_backend import outcome

from services.backend.app.chores import KEEP_BACKUPS, back_up_database, cleanup, migrate_database
from services.backend.app.config import Config
from services.backend.app.log import configure_log
from services.backend.app.log_files import file_handlers
from services.backend.app.models.database import Database
from services.backend.app.models.event_log import EventLog
from services.backend.app.models.migration import known_migrations, stored_migrations


@pytest.fixture
def config(folder):
    return Config(media_base_path=folder / "media", data_dir=folder / "data")


def epoch(path) -> str:
    with closing(Database(path)) as database:
        return EventLog(database).extent().epoch


def test_migrate_makes_the_database_and_says_what_it_applied(config, capsys):
    assert migrate_database(config) == 0
    assert "applied 0001" in capsys.readouterr().out
    assert stored_migrations(config.database_path) == known_migrations()
    assert migrate_database(config) == 0
    assert "is migrated" in capsys.readouterr().out


def test_a_database_of_a_newer_program_is_not_migrated(config, capsys):
    migrate_database(config)
    with closing(sqlite3.connect(config.database_path)) as connection, connection:
        connection.execute("INSERT INTO schema_migrations (number) VALUES (9999)")
    assert migrate_database(config) == 1
    assert "newer program" in capsys.readouterr().err


def test_backups_beside_an_open_database_are_whole_bounded_and_of_another_epoch(config, capsys):
    config.data_dir.mkdir()
    with closing(Database(config.database_path)) as database:
        with database.write() as connection:
            connection.execute("INSERT INTO tags (name) VALUES ('kept')")
        for _ in range(KEEP_BACKUPS + 2):
            assert back_up_database(config) == 0
    assert "backed up as backups/mam-" in capsys.readouterr().out
    backups = sorted(config.backup_dir.glob("*"))
    assert len(backups) == KEEP_BACKUPS
    with closing(sqlite3.connect(backups[-1])) as connection:
        assert connection.execute("SELECT name FROM tags").fetchall() == [("kept",)]
    assert len({epoch(path) for path in (config.database_path, *backups)}) == KEEP_BACKUPS + 1


def test_there_is_nothing_to_back_up_without_a_database(config, capsys):
    assert back_up_database(config) == 1
    assert "no database" in capsys.readouterr().err


def test_cleanup_removes_parts_that_nobody_goes_on_with(config, capsys):
    migrate_database(config)
    parts = config.media_base_path / "uploads" / ".parts"
    parts.mkdir(parents=True)
    for name, age in (("old.part", 1), ("young.part", None)):
        (parts / name).write_bytes(b"x")
        if age:
            os.utime(parts / name, (age, age))
    assert cleanup(config) == 0
    assert "1 unfinished uploads" in capsys.readouterr().out
    assert [path.name for path in parts.glob("*")] == ["young.part"]


@pytest.mark.system
def test_every_chore_is_a_command(folder):
    for command, said in (
        ("migrate", "applied"),
        ("backup", "backed up"),
        ("cleanup", "removed"),
        ("check", "is migrated"),
    ):
        code, out, _ = outcome(folder, "-m", "services.backend", command)
        assert (code, said in out) == (0, True)


def test_each_line_goes_to_the_files_that_it_belongs_to(tmp_path, monkeypatch):
    logger = logging.Logger("root")  # noqa: LOG001  one of its own, that nothing else writes to
    for handler in file_handlers(tmp_path / "logs"):
        logger.addHandler(handler)
    for name, level in (("mam.server", 20), ("mam.websocket", 30), ("mam.files", 20), ("mam.api", 40)):
        logger.handle(logging.LogRecord(name, level, "", 0, f"from {name}", None, None))
    for handler in logger.handlers:
        handler.close()
    lines = {path.stem: path.read_text().splitlines() for path in (tmp_path / "logs").glob("*.log")}
    assert lines["app"] == ["from mam.server", "from mam.websocket", "from mam.files", "from mam.api"]
    assert {name: lines[name] for name in lines if name != "app"} == {
        "error": ["from mam.api"],
        "system": ["from mam.server"],
        "websocket": ["from mam.websocket"],
        "media": ["from mam.files"],
    }


def test_a_log_folder_that_cannot_be_made_stops_nothing(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    before = logging.getLogger().handlers[:]
    try:
        configure_log(debug=False, folder=tmp_path / "file" / "logs")
        assert "there are no log files" in capsys.readouterr().out
    finally:
        logging.basicConfig(handlers=before, force=True)
