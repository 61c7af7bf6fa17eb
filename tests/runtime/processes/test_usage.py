import os

import pytest

from mamctl.runtime import processes
from mamctl.runtime.processes import portable
from mamctl.runtime.processes.stat import PAGE, TICKS, Stat
from mamctl.runtime.processes.usage import Sampler
from tests.scripted import eventually, misbehaving


class Table:
    """A process table and a clock that a test moves."""

    def __init__(self):
        self.rows = {}
        self.now = 100.0

    def put(self, pid, *, ppid=1, sid=0, cpu=0.0, reaped=0.0, pages=10, state="S", started=90.0):
        ticks = [int(value * TICKS) for value in (started, cpu, reaped)]
        self.rows[pid] = Stat(pid, "fake", state, ppid, sid, sid, *ticks, pages)

    def sampler(self):
        return Sampler(lambda: list(self.rows.values()), lambda: self.now)


@pytest.fixture
def table():
    return Table()


def test_the_first_sample_is_the_mean_since_the_start(table):
    table.put(10, cpu=5.0, started=90.0)
    assert table.sampler().sample({"a": 10})["a"] == (50.0, 10 * PAGE, (10,))


def test_the_next_sample_is_the_share_since_the_one_before(table):
    sampler = table.sampler()
    table.put(10, cpu=5.0)
    sampler.sample({"a": 10})
    table.now += 2.0
    table.put(10, cpu=9.0)
    assert sampler.sample({"a": 10})["a"].cpu_percent == pytest.approx(200.0)


def test_the_whole_tree_counts_and_the_neighbours_do_not(table):
    table.put(10, cpu=1.0)
    table.put(11, ppid=10, cpu=1.0)
    table.put(12, ppid=11, cpu=1.0)
    table.put(20, cpu=7.0)
    found = table.sampler().sample({"a": 10, "b": 20})
    assert found["a"] == (pytest.approx(30.0), 30 * PAGE, (10, 11, 12))
    assert found["b"] == (pytest.approx(70.0), 10 * PAGE, (20,))


def test_who_was_orphaned_but_stayed_in_the_session_counts(table):
    table.put(10, sid=10)
    table.put(11, ppid=1, sid=10)
    table.put(12, ppid=11, sid=12)
    assert table.sampler().sample({"a": 10})["a"].memory_bytes == 30 * PAGE


def test_what_a_reaped_child_used_is_kept(table):
    sampler = table.sampler()
    table.put(10, cpu=1.0)
    table.put(11, ppid=10, cpu=1.0)
    sampler.sample({"a": 10})
    table.now += 1.0
    del table.rows[11]
    table.put(10, cpu=1.0, reaped=1.5)
    assert sampler.sample({"a": 10})["a"].cpu_percent == pytest.approx(50.0)


def test_an_orphan_that_left_makes_no_negative_share(table):
    sampler = table.sampler()
    table.put(10, cpu=1.0)
    table.put(11, ppid=10, cpu=5.0)
    sampler.sample({"a": 10})
    table.now += 1.0
    table.put(11, ppid=1, cpu=5.0)
    assert sampler.sample({"a": 10})["a"].cpu_percent == 0.0


def test_a_question_asked_again_at_once_gets_the_last_share(table):
    sampler = table.sampler()
    table.put(10, cpu=5.0)
    sampler.sample({"a": 10})
    table.now += 0.02
    table.put(10, cpu=5.02, pages=20)
    assert sampler.sample({"a": 10})["a"] == (50.0, 20 * PAGE, (10,))


def test_another_process_with_the_same_pid_begins_anew(table):
    sampler = table.sampler()
    table.put(10, cpu=8.0)
    sampler.sample({"a": 10})
    table.now += 10.0
    table.put(10, cpu=1.0, started=100.0)
    assert sampler.sample({"a": 10})["a"].cpu_percent == pytest.approx(10.0)


def test_a_tree_of_zombies_is_no_tree(table):
    table.put(10, state="Z")
    assert table.sampler().sample({"a": 10, "b": 4242}) == {}


def test_members_of_the_session_stand_in_for_a_leader_that_is_gone(table):
    table.put(11, sid=10, cpu=1.0)
    assert table.sampler().sample({"a": 10})["a"].cpu_percent == pytest.approx(10.0)


def test_parents_that_go_round_in_a_circle_belong_to_nobody(table):
    table.put(11, ppid=12)
    table.put(12, ppid=11)
    table.put(10)
    assert table.sampler().sample({"a": 10})["a"].memory_bytes == 10 * PAGE


def test_readings_of_processes_that_are_gone_are_forgotten(table):
    sampler = table.sampler()
    table.put(10)
    sampler.sample({"a": 10})
    table.rows.clear()
    sampler.sample({"a": 10})
    assert sampler._last == {}


@pytest.mark.parametrize(
    "sampler", [processes.Sampler(), Sampler(portable.scan, portable.uptime)], ids=["proc", "psutil"]
)
def test_a_real_tree_is_measured(sampler, tmp_path):
    pidfile = tmp_path / "pids"
    with misbehaving("--pidfile", pidfile, "--child") as service:
        eventually(pidfile.exists)
        alone = processes.read(service.pid).rss_pages * PAGE
        used = sampler.sample({"a": service.pid, "me": os.getpid()})
    assert used["a"].memory_bytes > alone
    assert used["me"].cpu_percent > 0
