"""The API in this process with a database that cannot grow: where no real disk can be filled, this still holds."""

from contextlib import closing

import pytest
from backend_media import picture

from services.backend.app.api.flask_app import create_flask
from services.backend.app.application import Application
from services.backend.app.config import Config
from services.backend.app.models import database as database_module


@pytest.fixture
def application(folder):
    picture(folder / "media" / "a.jpg")
    made = Application(Config(media_base_path=folder / "media", data_dir=folder / "data"))
    with closing(made.database):
        yield made


def test_a_full_disk_is_a_507_and_nothing_is_registered(application):
    writer = application.database._writer.connection
    pages = writer.execute("PRAGMA page_count").fetchone()[0]
    writer.execute(f"PRAGMA max_page_count = {pages}")
    client = create_flask(application).test_client()
    for number in range(200):  # until the pages that are there already have no room
        picture(application.config.media_base_path / f"{number}.jpg", (1 + number, 1))
        answer = client.post("/api/v1/assets", json={"file_path": f"{number}.jpg", "title": "x" * 200})
        if answer.status_code != 201:
            break
    assert answer.status_code == 507
    assert answer.json["error"] == "the disk is full"
    assert client.get("/api/v1/assets").json["meta"]["total"] == number


def test_a_database_that_stays_busy_is_a_503(application, monkeypatch):
    monkeypatch.setattr(database_module, "BUSY_S", 0.01)
    client = create_flask(application).test_client()
    with application.database.write():
        answer = client.post("/api/v1/assets", json={"file_path": "a.jpg"})
    assert answer.status_code == 503
    assert "busy" in answer.json["error"]
