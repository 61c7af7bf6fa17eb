"""How the queue stands is told to who is connected: when it changed, not too often, and the latest only."""

import json

import pytest
from library_client import A, library_client
from websockets.sync.client import connect

from services.backend.app.models.database import Database
from services.backend.app.services import job_news
from services.backend.app.services.job_news import JobNews


@pytest.fixture
def database(tmp_path):
    database = Database(tmp_path / "mam.db")
    yield database
    database.close()


def add(database: Database, name: str) -> None:
    with database.write() as connection:
        connection.execute(
            "INSERT INTO media_assets (title, file_path, media_type, mime_type) VALUES ('t', ?, 'image', 'm')", (name,)
        )


def test_changes_are_told_together_and_what_is_the_same_is_not_told(database, monkeypatch):
    told: list[str] = []
    now = [100.0]
    monkeypatch.setattr(job_news.time, "monotonic", lambda: now[0])
    news = JobNews(database, told.append)
    news.note_change()
    news.tell()  # what stood there before anybody came
    for name in ("a", "b", "c"):
        add(database, name)
        news.note_change()
        news.tell()
    assert told == []
    now[0] += 0.5
    news.tell()
    news.note_change()
    now[0] += 0.5
    news.tell()
    assert [json.loads(text) for text in told] == [
        {"type": "jobs", "data": {"queued": 3, "active": 0, "failed": 0, "later": 0}}
    ]


def test_a_client_is_told_when_the_queue_changes(tmp_path):
    with (
        library_client(tmp_path) as api,
        connect(str(api.base_url.copy_with(scheme="ws", path="/ws")), proxy=None) as live,
    ):
        assert json.loads(live.recv(timeout=5))["type"] == "connection"
        api.file("a.jpg")
        assert api.post(A, json={"file_path": "a.jpg"}).status_code == 201
        messages = []
        while not messages or messages[-1]["type"] != "jobs":
            messages.append(json.loads(live.recv(timeout=5)))
        assert messages[-1]["data"]["queued"] == 1
        assert "seq" not in messages[-1]
        assert [message["seq"] for message in messages[:-1]] == [1, 2]
