"""The list of workers, as their heartbeats keep it."""

from contextlib import closing

from services.backend.app.models.database import Database
from services.backend.app.models.worker_store import Heartbeat, WorkerStore

BEAT = Heartbeat(decoders=1, jobs=(), done=0, rate_per_s=0.0, trouble=None)


def test_a_worker_that_was_silent_for_a_minute_is_forgotten_told_so_and_enters_again(tmp_path):
    with closing(Database(tmp_path / "mam.db")) as database:
        workers = WorkerStore(database)
        for name in ("one", "two"):
            workers.enter(name, 1, 1, 0.0)
        assert workers.beat("one", BEAT, 100.0, lease_s=15.0)
        workers.bury([], 100.0)
        assert workers.ids() == ["one"]
        assert not workers.beat("two", BEAT, 101.0, lease_s=15.0)
        for _ in range(2):
            workers.enter("two", 1, 1, 101.0)
        assert workers.ids() == ["one", "two"]
