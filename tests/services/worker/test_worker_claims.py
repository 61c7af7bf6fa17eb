"""The queue, with a clock of our own: who gets what, and whose result counts."""

import threading
from contextlib import closing

import pytest
from library_double import Library

from services.backend.app.models.asset import Status
from services.backend.app.models.claim_store import ClaimStore
from services.backend.app.models.database import Database
from services.backend.app.models.job import MAX_LOST, Kind, State
from services.backend.app.models.job_store import JobStore
from services.backend.app.models.worker_store import Heartbeat, WorkerStore

LEASE_S = 15.0


class Queue(Library):
    """Three assets, and workers that take from their queue."""

    def __init__(self, folder, database):
        super().__init__(folder, database)
        self.jobs = JobStore(database)
        self.workers = WorkerStore(database)
        self.one = ClaimStore(database, "one", lease_s=LEASE_S)
        self.two = ClaimStore(database, "two", lease_s=LEASE_S)
        for name in ("a.jpg", "b.mp4", "c.png"):
            self.add(name, name.encode())
        self.scan()
        self.workers.enter("one", 1, 1, 0.0)
        self.workers.enter("two", 2, 1, 0.0)

    def claim(self, store=None, now=0.0):
        return (store or self.one).claim(now)

    def described(self, store=None):
        claim = self.claim(store)
        (store or self.one).describe(claim, {"width": 3}, quick_hash=f"hash of {claim.asset.id}")
        return claim

    def state(self, asset_id):
        return self.rows("SELECT status, error FROM media_assets WHERE id = ?", asset_id)[0]


@pytest.fixture
def queue(tmp_path):
    (tmp_path / "media").mkdir()
    with closing(Database(tmp_path / "mam.db")) as database:
        yield Queue(tmp_path / "media", database)


def test_the_newest_asset_goes_first_and_each_only_once(queue):
    claims = [queue.claim(), queue.claim(queue.two), queue.claim()]
    assert [claim.asset.file_path for claim in claims] == ["c.png", "b.mp4", "a.jpg"]
    assert {claim.asset.status for claim in claims} == {Status.EXTRACTING}
    assert queue.claim() is None


def test_all_metadata_comes_before_any_thumbnail(queue):
    kinds = [queue.described().kind for _ in range(3)]
    assert [*kinds, queue.claim().kind] == [Kind.METADATA] * 3 + [Kind.THUMBNAIL]


def test_what_somebody_looks_at_goes_first_metadata_and_thumbnail_alike(queue):
    assert queue.jobs.look_at([1]) == 1
    assert queue.jobs.look_at([1]) == 0
    assert [queue.described().asset.id, queue.claim().asset.id] == [1, 1]


def test_a_finished_asset_is_ready_its_job_gone_and_a_video_gets_a_sprite_last(queue):
    for _ in range(3):
        queue.described()
    for _ in range(3):
        claim = queue.claim()
        ready = queue.one.finish(claim, thumbnail_key="0" * 32, thumbhash="x")
        assert ready.status is Status.READY
    assert queue.rows("SELECT kind, asset_id, priority FROM jobs") == [("sprite", 2, 80)]
    claim = queue.claim()
    queue.one.finish_sprite(claim, key="1" * 32, places={"columns": 5})
    assert queue.rows("SELECT asset_id, key FROM sprites") == [(2, "1" * 32)]
    assert queue.claim() is None


def test_a_thumbnail_may_tell_more_of_the_size_than_the_figures_did(queue):
    for _ in range(3):
        queue.described()
    queue.execute("UPDATE media_assets SET width = 64, height = 48")
    for shown, expected in (((None, None), (64, 48)), ((48, 64), (48, 64))):
        ready = queue.one.finish(queue.claim(), thumbnail_key="0" * 32, thumbhash="x", shown=shown)
        assert (ready.width, ready.height) == expected


def test_every_step_is_an_event_of_the_same_transaction(queue):
    before = queue.events()
    claim = queue.described()
    queue.one.finish(queue.claim(), thumbnail_key="0" * 32, thumbhash="x")
    statuses = queue.rows(
        "SELECT status FROM events WHERE asset_id = ? AND type = 'processing_update' AND seq > ?",
        claim.asset.id,
        before,
    )
    assert [status for (status,) in statuses][:2] == ["extracting", "thumbnailing"]


def test_two_files_with_the_same_quick_hash_are_hashed_whole_and_others_are_not(queue):
    for _ in range(2):
        claim = queue.claim()
        queue.one.describe(claim, {}, quick_hash="same")
    queue.one.describe(queue.claim(), {}, quick_hash="other")
    assert queue.rows("SELECT asset_id FROM jobs WHERE kind = 'hash' ORDER BY 1") == [(2,), (3,)]


def test_a_file_that_ends_its_decoder_waits_longer_each_time_and_fails_after_the_third(queue):
    first = queue.claim()
    assert queue.one.retry(first, "it died", 100.0).status is Status.QUEUED
    assert [queue.claim(now=100.0).asset.id, queue.claim(now=100.0).asset.id] == [2, 1]
    assert queue.claim(now=101.9) is None
    second = queue.claim(now=102.0)
    queue.one.retry(second, "it died", 102.0)
    assert queue.claim(now=109.9) is None
    last = queue.one.retry(queue.claim(now=110.0), "it died", 110.0)
    assert (last.status, last.error) == (Status.FAILED, "it died (3 attempts)")
    assert queue.claim(now=999.0) is None
    job = queue.jobs.page(state=State.FAILED, kind=None, before=None, limit=5)[0]
    assert (job.asset_id, job.attempts, job.error) == (3, 3, "it died (3 attempts)")


def test_a_failed_job_can_be_retried_with_all_its_attempts(queue):
    claim = queue.claim()
    assert queue.one.fail(claim, "broken").status is Status.FAILED
    assert queue.jobs.retry(claim.job_id).state is State.QUEUED
    assert queue.state(3) == ("queued", None)
    again = queue.claim()
    assert (again.asset.id, again.attempts) == (3, 0)
    assert queue.jobs.retry(again.job_id) is None


def test_all_failed_jobs_can_be_retried_at_once(queue):
    for _ in range(2):
        queue.one.fail(queue.claim(), "broken")
    assert queue.jobs.retry_all_failed() == 2
    assert queue.jobs.backlog().queued == 3


def test_a_sprite_that_fails_leaves_its_asset_ready(queue):
    for _ in range(3):
        queue.described()
    for _ in range(3):
        queue.one.finish(queue.claim(), thumbnail_key="0" * 32, thumbhash="x")
    queue.one.fail(queue.claim(), "no keyframes")
    assert queue.state(2) == ("ready", None)


def test_the_jobs_of_a_dead_worker_go_back_at_once_and_its_results_do_not_count(queue):
    claim = queue.claim()
    assert queue.workers.bury(["one"], 1.0) == 1
    assert queue.workers.ids() == ["two"]
    again = queue.claim(queue.two)
    assert (again.asset.id, again.job_id) == (claim.asset.id, claim.job_id)
    assert queue.one.describe(claim, {"width": 9}, quick_hash="x") is None
    assert queue.one.fail(claim, "late") is None
    assert queue.one.retry(claim, "late", 1.0) is None
    queue.one.release(claim)
    assert queue.two.describe(again, {"width": 3}, quick_hash="x").width == 3


def test_a_lease_that_nobody_renews_ends_and_a_heartbeat_renews_it(queue):
    queue.claim(now=0.0)
    held = queue.claim(queue.two, now=0.0)
    beat = Heartbeat(decoders=1, jobs=(held.job_id,), done=0, rate_per_s=0.0, trouble=None)
    queue.workers.beat("two", beat, 10.0, lease_s=LEASE_S)
    assert queue.workers.bury([], LEASE_S) == 0
    assert queue.workers.bury([], LEASE_S + 0.1) == 1
    assert queue.rows("SELECT worker FROM jobs WHERE state = 'running'") == [("two",)]


def test_a_job_that_many_workers_died_with_is_given_up(queue):
    for number in range(MAX_LOST):
        claim = queue.claim()
        assert claim.asset.id == 3, f"it is still tried after {number} deaths"
        queue.workers.bury(["one"], 1.0)
    assert queue.state(3)[0] == "failed"
    assert queue.claim().asset.id == 2


def test_a_worker_that_leaves_puts_its_jobs_back_without_counting(queue):
    claim = queue.claim()
    queue.workers.leave("one")
    assert queue.rows("SELECT state, lost, attempts FROM jobs WHERE id = ?", claim.job_id) == [("queued", 0, 0)]


def test_an_asset_that_went_into_the_trash_has_no_job_and_takes_no_result(queue):
    claim = queue.claim()
    queue.execute("UPDATE media_assets SET deleted_at = 'now' WHERE id = 3")
    assert queue.one.describe(claim, {}, quick_hash="x") is None
    assert queue.rows("SELECT * FROM jobs WHERE asset_id = 3") == []
    queue.execute("UPDATE media_assets SET deleted_at = NULL WHERE id = 3")
    assert queue.claim().asset.id == 3


def test_an_asset_whose_file_changed_in_the_making_takes_no_old_result(queue):
    claim = queue.claim()
    queue.add("c.png", b"longer than it was")
    queue.scan()
    assert queue.one.describe(claim, {}, quick_hash="x") is None
    assert queue.claim().asset.file_size == 18


def test_while_the_root_is_offline_no_asset_is_worked_on(queue):
    queue.execute("UPDATE roots SET offline_since = 'now'")
    assert queue.claim() is None
    queue.execute("UPDATE roots SET offline_since = NULL")
    assert queue.claim() is not None


def test_a_paused_queue_gives_nothing_and_a_paused_job_is_passed_over(queue):
    queue.jobs.pause_all(paused=True)
    assert queue.claim() is None
    queue.jobs.pause_all(paused=False)
    job = queue.rows("SELECT id FROM jobs WHERE asset_id = 3")[0][0]
    assert queue.jobs.pause(job).state is State.PAUSED
    assert queue.claim().asset.id == 2
    assert queue.jobs.retry(job).state is State.QUEUED
    assert queue.claim().asset.id == 3


def test_a_cancelled_job_is_not_done_and_its_result_does_not_count(queue):
    claim = queue.claim()
    assert queue.jobs.cancel(claim.job_id).state is State.CANCELLED
    assert queue.state(3)[0] == "failed"
    assert queue.one.describe(claim, {}, quick_hash="x") is None
    assert queue.jobs.retry(claim.job_id).state is State.QUEUED
    assert queue.state(3) == ("queued", None)


def test_a_scan_is_asked_for_once_and_its_result_is_kept(queue):
    job = queue.jobs.request_scan("x", accept_missing=False)
    assert queue.jobs.request_scan("x", accept_missing=False).id == job.id
    claim = queue.one.claim_scan(0.0)
    assert claim.parameters == {"folder": "x", "accept_missing": False}
    assert queue.one.report(claim, {"files": 1})
    queue.one.finish_scan(claim, {"files": 2})
    done = queue.jobs.get(job.id)
    assert (done.state, done.result, done.progress) == (State.DONE, {"files": 2}, 100)
    assert not queue.one.report(claim, {"files": 3})


def test_counts_agree_with_the_table_after_anything(queue):
    queue.one.fail(queue.claim(), "broken")
    queue.described()
    queue.claim(queue.two)
    queue.jobs.cancel(queue.rows("SELECT id FROM jobs WHERE state = 'queued'")[0][0])
    queue.execute("DELETE FROM media_assets WHERE id = 1")
    counted = {
        (kind, state): number for kind, states in queue.jobs.counts().items() for state, number in states.items()
    }
    assert counted == {(k, s): n for k, s, n in queue.rows("SELECT kind, state, count(*) FROM jobs GROUP BY 1, 2")}


def test_many_workers_at_once_do_each_job_once(queue):
    for number in range(60):
        queue.add(f"more/{number}.jpg")
    queue.scan()
    seen, lock = [], threading.Lock()

    def work(store: ClaimStore) -> None:
        while (claim := store.claim(0.0)) is not None:
            with lock:
                seen.append((claim.asset.id, claim.kind))
            if claim.kind is Kind.METADATA:
                store.describe(claim, {}, quick_hash=str(claim.asset.id))
            elif claim.kind is Kind.THUMBNAIL:
                store.finish(claim, thumbnail_key="0" * 32, thumbhash="x")
            else:
                store.finish_sprite(claim, key="0" * 32, places={})

    stores = [ClaimStore(queue.database, f"w{number}", lease_s=LEASE_S) for number in range(4)]
    threads = [threading.Thread(target=work, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(seen) == len(set(seen)) == 63 * 2 + 1
    assert set(queue.states().values()) == {Status.READY}


def test_backlog_tells_what_waits_and_for_how_long(queue):
    queue.one.fail(queue.claim(), "broken")
    queue.claim()
    backlog = queue.jobs.backlog()
    assert (backlog.queued, backlog.active, backlog.failed, backlog.later) == (1, 1, 1, 0)
    assert 0 <= backlog.oldest_age_s < 60


def test_a_health_row_says_who_works(queue):
    beat = Heartbeat(decoders=2, jobs=(1,), done=7, rate_per_s=3.5, trouble="the disk is full")
    queue.workers.beat("one", beat, 100.0, lease_s=LEASE_S)
    known = {worker.id: worker for worker in queue.workers.known(101.0)}
    assert known["one"].to_json() | {"pid": 0} == {
        "id": "one", "pid": 0, "heartbeat_age_s": 1.0, "uptime_s": 101.0, "decoders": 2, "active": 1, "done": 7,
        "rate_per_s": 3.5, "trouble": "the disk is full",
    }  # fmt: skip
    assert known["two"].heartbeat_age_s == 101.0
