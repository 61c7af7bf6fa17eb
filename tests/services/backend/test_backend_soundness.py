"""A backend that died: the next one looks its database through, and says when it is damaged."""

import sqlite3
from contextlib import closing

import pytest
from running_backend import running_backend, wait_for

pytestmark = pytest.mark.system

STATUS = "/api/v1/health/status"


def damage(path) -> None:
    """Overwrite a page of an index, as a disk that lies may do."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'idx_collection_assets_asset'"
        ).fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with path.open("rb+") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 64)


def test_after_a_clean_stop_nothing_is_looked_through_and_after_a_kill_it_is(folder):
    with running_backend(folder, worker=False) as server:
        server.process.kill()
        server.process.wait(5)
    with running_backend(folder, worker=False) as server:
        wait_for(lambda: server.said("the database is sound"), "it has been looked through")
        assert server.stop() == 0
    with running_backend(folder, worker=False) as server:
        assert server.get(STATUS).status_code == 200
        assert not server.said("looked through")


def test_a_database_that_is_damaged_is_told_and_unhealthy_while_what_can_be_read_is(folder):
    with running_backend(folder, worker=False) as server:
        server.process.kill()
        server.process.wait(5)
    damage(folder / "data" / "mam.db")
    with running_backend(folder, worker=False) as server:
        wait_for(lambda: server.said("the database is damaged"), "the damage is told")
        health = server.get(STATUS)
        assert (health.status_code, health.json()["services"]["database"]) == (503, False)
        assert server.get("/api/v1/assets").status_code == 200
        assert server.stop() == 0
