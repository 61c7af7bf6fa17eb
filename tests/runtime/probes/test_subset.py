import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamctl.runtime.probes.subset import equal, mismatch

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=50)
@given(JSON)
def test_every_value_holds_itself(value):
    assert mismatch(value, json.loads(json.dumps(value))) is None


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.sampled_from("abc"), JSON), st.dictionaries(st.sampled_from("xyz"), JSON))
def test_more_keys_than_expected_do_no_harm(expected, more):
    assert mismatch(expected, expected | more) is None


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.sampled_from("abc"), JSON, min_size=1))
def test_a_missing_key_is_named(expected):
    assert mismatch(expected, {}) == f"json.{next(iter(expected))} is missing"


@pytest.mark.parametrize(
    ("expected", "found", "problem"),
    [
        ({"a": 1}, {"a": 1.0}, None),
        ({"a": True}, {"a": 1}, "json.a is 1"),
        ({"a": 0}, {"a": False}, "json.a is false"),
        ({"a": None}, {"a": None}, None),
        ({"a": None}, {}, "json.a is missing"),
        ({"a": {"b": 1}}, {"a": {"b": 2, "c": 3}}, "json.a.b is 2"),
        ({"a": {"b": 1}}, {"a": [1]}, "json.a is [1]"),
        ({"a": {}}, {"a": {"b": 1}}, None),
        ([1, 2], [1, 2, 3], "json is [1, 2, 3]"),
        ([{"a": 1}], [{"a": 1, "b": 2}], 'json is [{"a": 1, "b": 2}]'),
        ([{"a": 1}], [{"a": 1.0}], None),
        ("x", "y" * 100, f'json is "{"y" * 76}...'),
    ],
)
def test_what_holds_and_what_does_not(expected, found, problem):
    assert mismatch(expected, found) == problem


@settings(deadline=None, max_examples=50)
@given(JSON, JSON)
def test_equality_is_symmetric(one, other):
    assert equal(one, other) == equal(other, one)
