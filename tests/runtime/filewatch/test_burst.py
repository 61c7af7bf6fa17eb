"""Changes that belong together become one, and nobody who goes on changing is waited for for ever."""

from __future__ import annotations

import pytest

from mamctl.runtime.filewatch.burst import PATIENCE, Bursts


class Clock:
    """A loop's clock that is moved by hand."""

    def __init__(self):
        self.now = 0.0
        self._calls = []

    def time(self):
        return self.now

    def call_at(self, when, call):
        handle = Handle(when, call)
        self._calls.append(handle)
        return handle

    def move(self, seconds):
        until = self.now + seconds
        while due := [handle for handle in self._calls if not handle.cancelled and handle.when <= until + 1e-9]:
            first = min(due, key=lambda handle: handle.when)
            self._calls.remove(first)
            self.now = max(self.now, first.when)
            first.call()
        self.now = until


class Handle:
    def __init__(self, when, call):
        self.when, self.call, self.cancelled = when, call, False

    def cancel(self):
        self.cancelled = True


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def told():
    return []


@pytest.fixture
def bursts(clock, told):
    return Bursts(clock, "/m", told.append)


PAUSES = {"web": 0.3, "api": 0.3, "slow": 2.0}


def test_a_change_is_told_when_nothing_followed_for_a_while(clock, told, bursts):
    bursts.add({"web": ["/m/src/app.py"]}, PAUSES)
    clock.move(0.29)
    assert told == []
    clock.move(0.02)
    assert told == [{"web": "src/app.py changed"}]


def test_many_changes_are_one_and_each_file_counts_once(clock, told, bursts):
    for number in range(1000):
        bursts.add({"web": [f"/m/{number:03}.py", "/m/000.py"]}, PAUSES)
        clock.move(0.001)
    clock.move(1)
    assert told == [{"web": "000.py and 999 more changed"}]


def test_who_goes_on_changing_is_told_all_the_same(clock, told, bursts):
    for _ in range(50):
        bursts.add({"web": ["/m/a.py"]}, PAUSES)
        clock.move(0.1)
    assert len(told) == int(5 / (PATIENCE * 0.3))


def test_services_that_change_together_are_told_together(clock, told, bursts):
    bursts.add({"web": ["/m/a.py"]}, PAUSES)
    clock.move(0.01)
    bursts.add({"api": ["/m/b.py"], "slow": ["/m/b.py"]}, PAUSES)
    clock.move(5)
    assert told == [{"web": "a.py changed", "api": "b.py changed"}, {"slow": "b.py changed"}]


def test_a_file_elsewhere_is_named_by_its_whole_path_and_what_is_no_text_is_replaced(clock, told, bursts):
    bursts.add({"web": ["/etc/hosts"], "api": ["/m/\udcff.py"]}, PAUSES)
    clock.move(1)
    assert told == [{"web": "/etc/hosts changed", "api": "\ufffd.py changed"}]


def test_who_is_not_watched_any_more_is_not_told_of(clock, told, bursts):
    bursts.add({"web": ["/m/a.py"], "api": ["/m/a.py"]}, PAUSES)
    bursts.forget(["api"])
    clock.move(1)
    assert told == [{"api": "a.py changed"}]


def test_nobody_is_told_anything_after_the_end(clock, told, bursts):
    bursts.add({"web": ["/m/a.py"]}, PAUSES)
    bursts.close()
    clock.move(1)
    assert told == []
