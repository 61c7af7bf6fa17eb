from __future__ import annotations

import pytest

from mamctl.core.manifest.event_types import PARENTS, UNSENT, covers
from mamctl.core.manifest.model import needs_restart

from .reading import read
from .samples import RUN


def spec_of(**keys: object):
    found = read({"services": {"a": {"command": RUN, **keys}}})
    assert not found.problems
    return found.services["a"]


def test_a_class_covers_all_types_beneath_it() -> None:
    assert covers(["PROCESS_STATE"], "PROCESS_STATE_FATAL")
    assert all(covers(["EVENT"], name) for name in PARENTS)


def test_a_type_covers_neither_its_class_nor_its_sister() -> None:
    assert not covers(["TICK_5"], "TICK")
    assert not covers(["TICK_5", "PROCESS_GROUP"], "TICK_60")


def test_a_type_is_sent_or_has_a_reason_why_not() -> None:
    assert PARENTS.keys().isdisjoint(UNSENT)


def test_the_types_are_those_of_supervisord() -> None:
    events = pytest.importorskip("supervisor.events", reason="supervisord itself is not installed")
    theirs = {name for name in vars(events.EventTypes) if name.isupper()}
    assert theirs == {*PARENTS, *UNSENT}


def test_to_become_a_listener_takes_a_new_process_and_other_events_do_not() -> None:
    plain, one, two = spec_of(), spec_of(events=["TICK_5"]), spec_of(events=["TICK_60"])
    assert needs_restart(plain, one)
    assert not needs_restart(one, two)


def test_events_that_are_named_twice_are_told_once() -> None:
    assert spec_of(events=["TICK_5", "TICK_5"]).events == ("TICK_5",)
