"""What is remembered of a service comes back as it was; what is damaged, or another version's, is nothing at all."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamctl.core.budget import Budget
from mamctl.core.past import Past, as_document, from_document, past_of
from mamctl.core.service import Halt, Service, Then
from mamctl.core.states import Ownership, Reason, State, Wanted
from tests.core.stacks import service

SECONDS = st.floats(0, 1e9)
TEXT = st.text(max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)
MINIMAL = {"wanted": "up", "state": "ready", "generation": 3}
QUICKLY = settings(max_examples=60, deadline=None)


@st.composite
def budgets(draw: st.DrawFn) -> Budget:
    attempts = tuple(draw(st.lists(SECONDS, max_size=4)))
    return Budget(attempts, draw(st.integers(0, len(attempts))))


halts = st.builds(
    Halt, st.sampled_from(Then), st.none() | st.sampled_from(Reason), st.none() | TEXT, signalled=st.booleans()
)
services = st.builds(
    Service,
    st.just(service("app")),
    wanted=st.sampled_from(Wanted),
    alone=st.booleans(),
    state=st.sampled_from(State),
    reason=st.none() | st.sampled_from(Reason),
    detail=st.none() | TEXT,
    generation=st.integers(0, 2**70),
    ownership=st.sampled_from(Ownership),
    restarts=st.integers(0, 1000),
    budget=budgets(),
    spawned_at=st.none() | SECONDS,
    ready_at=st.none() | SECONDS,
    next_attempt_at=st.none() | SECONDS,
    exit_code=st.none() | st.integers(0, 255),
    exit_signal=st.none() | st.integers(1, 64),
    extended=st.none() | SECONDS,
    watchdog=st.none() | SECONDS,
    ended_at=st.none() | SECONDS,
    hasty=st.integers(0, 11),
    halt=st.none() | halts,
    next_run_at=st.none() | SECONDS,
)


@given(services)
@QUICKLY
def test_whatever_is_true_of_a_service_is_read_as_it_was_written(known):
    written = json.loads(json.dumps(as_document(past_of(known))))
    read = from_document(written)
    assert read is not None
    for field in fields(Past):
        was = getattr(known, field.name)
        if isinstance(was, Halt):
            # Whoever comes next signals again: that it was done already is not worth knowing.
            was = Halt(was.then, was.reason, was.detail)
        assert getattr(read, field.name) == was, field.name


def test_a_service_to_which_nothing_happened_takes_few_words():
    assert as_document(past_of(Service(service("app")))) == {"wanted": "down", "state": "stopped", "generation": 0}


@pytest.mark.parametrize("missing", MINIMAL)
def test_without_what_every_version_wrote_it_is_nothing(missing):
    assert from_document(MINIMAL) == Past(Wanted.UP, state=State.READY, generation=3)
    assert from_document({name: value for name, value in MINIMAL.items() if name != missing}) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("wanted", "perhaps"),
        ("state", "asleep"),
        ("state", None),
        ("reason", "because"),
        ("reason", 7),
        ("generation", "many"),
        ("generation", None),
        ("generation", float("inf")),
        ("restarts", []),
        ("attempts", 7),
        ("attempts", ["x"]),
        ("settled", "x"),
        ("spawned_at", "soon"),
        ("exit_code", {}),
        ("watchdog", [1]),
        ("halt", 7),
        ("halt", []),
        ("halt", ["rest", None]),
        ("halt", ["dance", None, None]),
        ("halt", ["rest", "because", None]),
    ],
)
def test_one_value_that_no_version_wrote_makes_it_nothing(name, value):
    assert from_document({**MINIMAL, name: value}) is None


def test_a_budget_cannot_have_settled_more_than_it_has():
    assert from_document({**MINIMAL, "attempts": [1.0], "settled": 5}).budget == Budget((1.0,), 1)
    assert from_document({**MINIMAL, "attempts": [1.0], "settled": -5}).budget == Budget((1.0,), 0)


def test_what_a_later_version_says_besides_is_passed_over():
    assert from_document({**MINIMAL, "colour": "blue"}) == from_document(MINIMAL)


@given(services, st.data())
@QUICKLY
def test_a_damaged_document_is_a_past_or_nothing_but_never_an_error(known, data):
    document = as_document(past_of(known))
    for name in data.draw(st.lists(st.sampled_from([field.name for field in fields(Past)]), max_size=3)):
        document[name] = data.draw(JSON)
    assert isinstance(from_document(document), Past | None)
