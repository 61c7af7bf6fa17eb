"""What a journal tells, read in the order in which it was written; what is not as it should be is passed over."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamctl.core.past import Past, as_document
from mamctl.core.states import State, Wanted
from mamctl.runtime.adoption import last_known
from mamctl.runtime.recollection import Recollection, Trace, recollect

INTENT = {"type": "intent", "service": "web", "generation": 2, "instance": "p/web/x", "run": "digest"}
SPAWNED = {"type": "spawned", "service": "web", "generation": 2, "pid": 77, "started": 5, "inode": 6}
ENDED = {"type": "ended", "service": "web", "generation": 2, "code": None, "signal": 9}
READY = Past(Wanted.UP, state=State.READY, generation=2, restarts=3)
SERVICE = {"type": "service", "service": "web", "past": as_document(READY)}


def traced(*records: dict[str, Any]) -> Trace:
    return recollect(records).traces["web"]


def test_the_last_incarnation_of_a_service_is_put_together() -> None:
    whole = Trace("web", 2, "p/web/x", "digest", 77, 5, 6, ended=True, signal=9, past=READY)
    assert traced(INTENT, SPAWNED, SERVICE, ENDED) == whole


def test_a_later_intent_is_another_incarnation_and_what_is_known_of_the_service_stays() -> None:
    found = traced(INTENT, SPAWNED, SERVICE, ENDED, {**INTENT, "generation": 3, "instance": "p/web/y"})
    assert found == Trace("web", 3, "p/web/y", "digest", past=READY)


def test_what_is_told_of_another_incarnation_is_not_taken_for_this_one() -> None:
    assert traced(INTENT, {**SPAWNED, "generation": 1}, {**ENDED, "generation": 3}) == traced(INTENT)


def test_a_past_that_makes_no_sense_leaves_the_one_before_it() -> None:
    assert traced(INTENT, SERVICE, {**SERVICE, "past": {"state": "asleep"}}).past == READY


def test_one_that_is_gone_is_forgotten() -> None:
    assert recollect([INTENT, SERVICE, {"type": "gone", "service": "web"}]).traces == {}


def test_what_was_wanted_of_the_whole_and_which_requests_were_made() -> None:
    found = recollect(
        [
            {"type": "begin", "keeps": True},
            {"type": "wish", "profiles": ["a", "b"], "downing": True},
            {"type": "request", "id": "1", "method": "POST", "path": "/v1/up"},
        ]
    )
    assert found == Recollection({}, True, ("a", "b"), True, {"1": ("POST", "/v1/up")})


@pytest.mark.parametrize("record", [INTENT, SPAWNED, ENDED, SERVICE, {"type": "gone", "service": "web"}])
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_no_record_is_an_error_whatever_it_lacks_or_holds(record: dict[str, Any], data: st.DataObject) -> None:
    damaged = dict(record)
    for name in data.draw(st.lists(st.sampled_from(sorted(set(record) - {"type"})), max_size=3)):
        damaged[name] = data.draw(st.none() | st.text(max_size=3) | st.lists(st.integers(), max_size=2))
    for name in data.draw(st.lists(st.sampled_from(sorted(set(record) - {"type"})), max_size=1)):
        damaged.pop(name, None)
    assert isinstance(recollect([INTENT, damaged, SPAWNED]), Recollection)


def test_a_record_is_believed_unless_a_later_spawn_overruled_it() -> None:
    assert last_known(Trace("web", 2, past=READY)) == READY
    later = Past(Wanted.UP, state=State.WAITING, generation=3)
    assert last_known(Trace("web", 2, past=later)) == later
    assert last_known(Trace("web", 3, past=READY)) == Past(Wanted.UP, generation=3, restarts=3)
    assert last_known(Trace("web", 1)) == Past(Wanted.UP, generation=1)


def test_one_that_was_spawned_was_wanted_whatever_was_written_before() -> None:
    """Started again after a stop, and its supervisor killed before that was written down."""
    stopped = Past(Wanted.DOWN, state=State.STOPPED, generation=1)
    assert last_known(Trace("web", 2, past=stopped)).wanted is Wanted.UP
