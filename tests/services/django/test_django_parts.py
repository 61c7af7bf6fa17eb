"""The parts that need no Django."""

import sqlite3
import sys
import threading
from contextlib import closing
from itertools import count
from pathlib import Path
from types import ModuleType

import pytest
from running_django import PROJECT, ROOT
from sideeye.data_folder import DATABASE, create_database, create_folder, database_url, secret_key
from sideeye.environment import ConfigError, Environment
from sideeye.listener import PortError, claim, listen
from sideeye.search_path import unshadow_django


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    assert Environment.read({}) == Environment("127.0.0.1", 8000, ROOT / "data", None, False, "INFO")


def test_the_example_environment_is_the_defaults() -> None:
    lines = (PROJECT / ".env.example").read_text().splitlines()
    variables = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert Environment.read(variables) == Environment.read({})


def test_a_relative_data_folder_counts_from_the_repository_and_an_absolute_one_stands() -> None:
    assert Environment.read({"DATA_DIR": "./elsewhere"}).data_dir == ROOT / "elsewhere"
    assert Environment.read({"DATA_DIR": "/var/lib/side"}).data_dir == Path("/var/lib/side")


@pytest.mark.parametrize(("text", "value"), [("1", True), ("Yes", True), ("on", True), ("0", False), ("", False)])
def test_debug_understands_yes_and_no(text: str, value: bool) -> None:
    assert Environment.read({"DEBUG": text}).debug is value


@pytest.mark.parametrize(
    ("name", "value"),
    [("HOST", "0.0.0.0"), ("HOST", "::"), ("PORT", "65536"), ("PORT", "-1"), ("DEBUG", "2"), ("LOG_LEVEL", "trace")],
)
def test_a_variable_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name) as caught:
        Environment.read({name: value})
    assert caught.value.hint


def test_processes_that_start_together_agree_on_one_secret_key(tmp_path: Path) -> None:
    numbers = count()
    keys: list[str] = []
    gate = threading.Barrier(8)

    def start() -> None:
        gate.wait(5)
        keys.append(secret_key(tmp_path, lambda: f"{next(numbers):060d}"))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["django-secret-key"]


def test_a_data_folder_with_odd_characters_is_no_trouble_in_the_database_url(tmp_path: Path) -> None:
    folder = tmp_path / "a b?mode=memory#c%20ü"
    create_folder(folder)
    create_database(folder)
    with closing(sqlite3.connect(database_url(folder), uri=True)) as database:
        assert database.execute("PRAGMA database_list").fetchone()[2] == str(folder / DATABASE)


def test_opening_the_database_url_never_makes_the_file(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        sqlite3.connect(database_url(tmp_path), uri=True)
    assert list(tmp_path.iterdir()) == []


def test_making_the_database_twice_keeps_what_is_in_it(tmp_path: Path) -> None:
    create_database(tmp_path)
    with closing(sqlite3.connect(tmp_path / DATABASE)) as database, database:
        database.execute("CREATE TABLE kept (id)")
    create_database(tmp_path)
    with closing(sqlite3.connect(tmp_path / DATABASE)) as database:
        assert database.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_our_folder_leaves_the_name_and_the_search_path_and_nothing_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = ModuleType("django")
    ours.__file__ = str(PROJECT / "__init__.py")
    monkeypatch.setitem(sys.modules, "django", ours)
    monkeypatch.setattr(sys, "path", ["/first", str(PROJECT.parent), str(PROJECT), "/last"])
    unshadow_django()
    assert "django" not in sys.modules
    assert sys.path == ["/first", str(PROJECT), "/last"]


def test_the_framework_itself_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    framework = ModuleType("django")
    framework.__file__ = "/somewhere/site-packages/django/__init__.py"
    monkeypatch.setitem(sys.modules, "django", framework)
    unshadow_django()
    assert sys.modules["django"] is framework


def test_a_port_taken_between_bind_and_listen_is_told_as_well() -> None:
    with claim("127.0.0.1", 0) as first, claim("127.0.0.1", first.getsockname()[1]) as second:
        listen(first)
        with pytest.raises(PortError, match="is taken by another program"):
            listen(second)
