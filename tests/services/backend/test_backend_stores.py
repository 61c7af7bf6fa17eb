from contextlib import closing

import pytest

from services.backend.app.models.asset import Status
from services.backend.app.models.asset_store import AssetStore, FoundFile, Outcome
from services.backend.app.models.database import Database


@pytest.fixture
def database(tmp_path):
    with closing(Database(tmp_path / "mam.db")) as opened:
        yield opened


@pytest.fixture
def assets(database):
    return AssetStore(database)


def found(path: str = "a.jpg", *, size: int = 10, mtime_ns: int = 1, title: str | None = None) -> FoundFile:
    video = path.endswith(".mp4")
    return FoundFile(
        path=path,
        size=size,
        mtime_ns=mtime_ns,
        media_type="video" if video else "image",
        mime_type="video/mp4" if video else "image/jpeg",
        format="MP4" if video else "JPEG",
        title=title or path,
    )


def test_a_file_is_registered_once(assets):
    first, outcome = assets.register(found(), restore=True)
    again, repeated = assets.register(found(), restore=True)
    assert (outcome, repeated) == (Outcome.CREATED, Outcome.KNOWN)
    assert again == first
    assert (first.status, first.rev) == (Status.QUEUED, 1)


def test_a_changed_file_is_queued_again_under_its_id_and_title(assets, database):
    asset, _ = assets.register(found(title="Mine"), restore=True)
    with database.write() as connection:
        connection.execute("UPDATE media_assets SET status = 'failed', error = 'broken'")
    changed, outcome = assets.register(found(size=11, title="Other"), restore=True)
    assert outcome is Outcome.CHANGED
    assert (changed.id, changed.title, changed.status, changed.error) == (asset.id, "Mine", Status.QUEUED, None)
    assert changed.rev > asset.rev


def test_the_trash_hides_an_asset_from_everything_but_a_deliberate_return(assets):
    asset, _ = assets.register(found(), restore=True)
    assert assets.trash(asset.id)
    assert not assets.trash(asset.id)
    assert assets.get(asset.id) is None
    assert assets.register(found(size=99), restore=False)[1] is Outcome.KNOWN
    assert assets.get(asset.id) is None
    restored, outcome = assets.register(found(), restore=True)
    assert (restored.id, outcome) == (asset.id, Outcome.CREATED)


def test_times_are_utc_with_a_zone(assets):
    asset, _ = assets.register(found(), restore=True)
    assert asset.created_at.endswith("Z")
    assert "T" in asset.created_at
