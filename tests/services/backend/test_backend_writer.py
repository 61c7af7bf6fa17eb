"""One connection that writes for many threads: whose work is kept, whose is undone, who is told."""

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from running_backend import wait_for

from services.backend.app.models.database_problem import DatabaseBusy
from services.backend.app.models.writer import MOST, Writer


class Counted(sqlite3.Connection):
    """A connection that counts the transactions, and may be told to fail them."""

    begun = 0
    failing: sqlite3.Error | None = None

    def execute(self, statement, *values):
        if statement == "BEGIN IMMEDIATE":
            self.begun += 1
        if statement == "COMMIT" and self.failing is not None:
            raise self.failing
        return super().execute(statement, *values)


@pytest.fixture
def writer(tmp_path):
    connection = sqlite3.connect(
        tmp_path / "a.db", isolation_level=None, check_same_thread=False, factory=Counted, timeout=5
    )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE t (x UNIQUE)")
    with closing(connection):
        yield Writer(connection)


@pytest.fixture
def pool():
    with ThreadPoolExecutor(100) as pool:
        yield pool


def put(writer, value, then=None, *, within=5.0):
    with writer.transaction(within=within) as connection:
        connection.execute("INSERT INTO t VALUES (?)", (value,))
        if then is not None:
            then()


def crowd(writer, pool, works):
    """Have them wait while another one writes, so that all are in one train behind it; return their outcomes."""
    go = threading.Event()
    first = pool.submit(put, writer, "first", lambda: go.wait(10))
    wait_for(lambda: writer._began and writer._turn.locked(), "the first writes")
    others = [pool.submit(work) for work in works]
    wait_for(lambda: writer._waiting == len(works), "the others wait")
    go.set()
    return [first, *others]


def values(tmp_path) -> set:
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        return {row[0] for row in connection.execute("SELECT x FROM t")}


def test_those_who_wait_are_committed_together_and_each_finds_it_done(writer, pool, tmp_path):
    def work(number):
        put(writer, number)
        return number in values(tmp_path)

    outcomes = crowd(writer, pool, [lambda number=number: work(number) for number in range(20)])
    assert all(future.result(10) for future in outcomes[1:])
    assert writer.connection.begun < 10
    assert values(tmp_path) == {"first", *range(20)}


def test_an_exception_undoes_the_work_of_its_thread_alone(writer, pool, tmp_path):
    works = [lambda value=value: put(writer, value) for value in (1, 1, 2, "first", 3)]
    outcomes = crowd(writer, pool, works)
    errors = [future.exception(10) for future in outcomes]
    assert [type(error) for error in errors].count(sqlite3.IntegrityError) == 2
    assert sum(error is None for error in errors) == 4
    assert values(tmp_path) == {"first", 1, 2, 3}


def test_the_last_one_failing_leaves_nobody_waiting(writer, pool, tmp_path):
    def fail():
        raise KeyError("ours")

    first, last = crowd(writer, pool, [lambda: put(writer, "last", fail)])
    assert isinstance(last.exception(10), KeyError)
    assert first.result(10) is None
    assert values(tmp_path) == {"first"}


def test_a_commit_that_fails_is_told_to_all_aboard_and_keeps_nothing(writer, pool, tmp_path):
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    writer.connection.failing = full
    errors = [future.exception(10) for future in crowd(writer, pool, [lambda: put(writer, 1), lambda: put(writer, 2)])]
    assert [(str(error), error.sqlite_errorcode) for error in errors] == [(str(full), sqlite3.SQLITE_FULL)] * 3
    assert len({id(error) for error in errors}) == 3
    writer.connection.failing = None
    put(writer, "after")
    assert values(tmp_path) == {"after"}


def test_when_sqlite_undoes_everything_all_aboard_are_told(writer, pool, tmp_path):
    def undone():
        writer.connection.execute("ROLLBACK")  # as SQLite does by itself on a full disk
        raise sqlite3.OperationalError("database or disk is full")

    first, other = crowd(writer, pool, [lambda: put(writer, 1, undone)])
    assert "full" in str(other.exception(10))
    assert "full" in str(first.exception(10))
    put(writer, "after")
    assert values(tmp_path) == {"after"}


def test_who_loses_patience_gets_an_error_and_holds_up_nobody(writer, pool, tmp_path):
    go = threading.Event()
    first = pool.submit(put, writer, "first", lambda: go.wait(10))
    wait_for(writer._turn.locked, "the first writes")
    impatient = pool.submit(put, writer, "impatient", within=0.05)
    with pytest.raises(DatabaseBusy):
        impatient.result(10)
    go.set()
    first.result(10)
    assert values(tmp_path) == {"first"}


def test_who_was_left_to_commit_and_went_away_is_stood_in_for(writer, tmp_path):
    with writer.transaction(within=1) as connection:
        connection.execute("INSERT INTO t VALUES (1)")
        writer._waiting += 1  # somebody waits, who is not going to come
    assert values(tmp_path) == {1}
    writer._waiting -= 1


def test_a_train_ends_and_others_get_their_turn(writer, pool):
    outcomes = crowd(writer, pool, [lambda number=number: put(writer, number) for number in range(MOST + 10)])
    for future in outcomes:
        future.result(10)
    assert writer.connection.begun >= 2


def test_another_process_gets_in_between_while_threads_write_without_end(writer, pool, tmp_path):
    end = time.monotonic() + 0.5

    def keep_on(thread: int) -> None:
        number = 0
        while time.monotonic() < end:
            put(writer, f"{thread}-{number}")
            number += 1

    running = [pool.submit(keep_on, thread) for thread in range(4)]
    with closing(sqlite3.connect(tmp_path / "a.db", timeout=5, isolation_level=None)) as other:
        written = 0
        while time.monotonic() < end:
            other.execute("INSERT INTO t VALUES (?)", (f"other-{written}",))
            written += 1
    for future in running:
        future.result(10)
    assert written > 0
