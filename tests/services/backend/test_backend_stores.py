from contextlib import closing

import pytest

from services.backend.app.models.asset import Status
from services.backend.app.models.asset_store import AssetStore, FoundFile, Outcome
from services.backend.app.models.database import Database
from services.backend.app.models.work_store import MAX_ATTEMPTS, WorkStore


@pytest.fixture
def database(tmp_path):
    with closing(Database(tmp_path / "mam.db")) as opened:
        yield opened


@pytest.fixture
def assets(database):
    return AssetStore(database)


@pytest.fixture
def work(database):
    return WorkStore(database)


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


def test_a_changed_file_is_queued_again_under_its_id_and_title(assets, work):
    asset, _ = assets.register(found(title="Mine"), restore=True)
    work.claim()
    work.fail(asset.id, "broken")
    changed, outcome = assets.register(found(size=11, title="Other"), restore=True)
    assert outcome is Outcome.CHANGED
    assert (changed.id, changed.title, changed.status, changed.error) == (asset.id, "Mine", Status.QUEUED, None)
    assert changed.rev > asset.rev


def test_the_trash_hides_an_asset_from_everything_but_a_deliberate_return(assets, work):
    asset, _ = assets.register(found(), restore=True)
    assert assets.trash(asset.id)
    assert not assets.trash(asset.id)
    assert assets.get(asset.id) is None
    assert work.claim() is None
    assert work.register_all([found(size=99)])[0][1] is Outcome.KNOWN
    assert assets.get(asset.id) is None
    restored, outcome = assets.register(found(), restore=True)
    assert (restored.id, outcome) == (asset.id, Outcome.CREATED)


def test_work_is_claimed_once_and_in_order(assets, work):
    for path in ("a.jpg", "b.jpg"):
        assets.register(found(path), restore=True)
    assert [work.claim().file_path, work.claim().file_path, work.claim()] == ["a.jpg", "b.jpg", None]


def test_a_file_that_kills_the_decoder_comes_last_and_fails_after_three_attempts(assets, work):
    poison, _ = assets.register(found("a.jpg"), restore=True)
    assets.register(found("b.jpg"), restore=True)
    assert work.claim().id == poison.id
    assert work.retry(poison.id, "died").status is Status.QUEUED
    assert work.claim().file_path == "b.jpg"
    for _ in range(MAX_ATTEMPTS - 1):
        assert work.claim().id == poison.id
        last = work.retry(poison.id, "died")
    assert (last.status, last.error, last.attempts) == (Status.FAILED, "died", MAX_ATTEMPTS)
    assert work.claim() is None


def test_what_was_in_the_making_is_queued_again(assets, work):
    assets.register(found(), restore=True)
    asset = work.claim()
    work.describe(asset.id, {"width": 3})
    assert work.resume() == 1
    assert work.claim().id == asset.id


def test_a_deleted_asset_takes_no_results(assets, work):
    asset, _ = assets.register(found(), restore=True)
    work.claim()
    assets.trash(asset.id)
    assert work.describe(asset.id, {}) is None
    assert work.finish(asset.id, "0" * 32) is None


def test_an_asset_whose_file_changed_in_the_making_takes_no_old_result(assets, work):
    asset, _ = assets.register(found(), restore=True)
    work.claim()
    work.describe(asset.id, {})
    assets.register(found(size=11), restore=True)
    assert work.finish(asset.id, "0" * 32) is None
    assert work.fail(asset.id, "broken") is None
    assert work.claim().id == asset.id


def test_the_backlog_counts_what_is_due_active_and_failed(assets, work):
    assert work.backlog().oldest_age_s is None
    for path in ("a.jpg", "b.jpg", "c.jpg"):
        assets.register(found(path), restore=True)
    work.claim()
    work.fail(work.claim().id, "broken")
    backlog = work.backlog()
    assert (backlog.queued, backlog.active, backlog.failed) == (1, 1, 1)
    assert 0 <= backlog.oldest_age_s < 60


def test_times_are_utc_with_a_zone(assets):
    asset, _ = assets.register(found(), restore=True)
    assert asset.created_at.endswith("Z")
    assert "T" in asset.created_at
