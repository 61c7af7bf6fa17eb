"""A lane whose results cannot be stored."""

import sqlite3
from types import SimpleNamespace

from running_backend import wait_for

from services.backend.app.models.job import Kind
from services.worker.app.work import lane as lane_module
from services.worker.app.work.bell import Bell
from services.worker.app.work.lane import Lane
from services.worker.app.work.tally import Tally


class Queue:
    """One job; what is asked of it is noted. The disk is full until ``has_room``."""

    def __init__(self) -> None:
        self.has_room = False
        self.asked: list[str] = []
        self.queued = [SimpleNamespace(job_id=1, kind=Kind.METADATA)]

    def claim(self, _now):
        return self.queued.pop() if self.queued else None

    def release(self, claim):
        self.asked.append("release")
        self.need_room()
        self.queued.append(claim)

    def process(self, _claim, *, stopped):
        assert not stopped()
        self.asked.append("process")
        self.need_room()

    def need_room(self) -> None:
        if not self.has_room:
            raise sqlite3.OperationalError("database or disk is full")


class IdleDecoder:
    def start(self) -> None:
        pass

    def close(self) -> None:
        pass


def test_a_job_whose_result_finds_no_room_goes_back_as_soon_as_there_is_some(monkeypatch):
    monkeypatch.setattr(lane_module, "PAUSE_S", 0.01)
    queue, tally = Queue(), Tally(1)
    lane = Lane(1, queue, queue, IdleDecoder(), Bell(), tally)
    lane.start()
    try:
        wait_for(lambda: queue.asked.count("release") >= 2, "it tries to put the job back")
        assert tally.heartbeat().trouble == "database or disk is full"
        queue.has_room = True
        wait_for(lambda: queue.asked[-1] == "process", "the job is done after all")
        wait_for(lambda: tally.heartbeat().trouble is None, "the trouble is over")
    finally:
        lane.drain()
        assert lane.join(5)
    assert queue.asked.count("process") == 2
