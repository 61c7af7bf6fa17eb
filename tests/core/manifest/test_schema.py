import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mamctl.core.manifest.fields import MANIFEST_FIELDS, RECORDS, SERVICE_FIELDS
from mamctl.core.manifest.schema import schema

from .reading import read
from .samples import BAD, GOOD


@functools.cache
def validator():
    return Draft202012Validator(schema())


def valid(tree):
    return validator().is_valid(tree)


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("tree", GOOD.values(), ids=GOOD)
def test_what_the_parser_takes_the_schema_takes(tree):
    assert [error.message for error in validator().iter_errors(tree)] == []


@pytest.mark.parametrize("tree", [row[0] for row in BAD.values() if row[3]], ids=[name for name in BAD if BAD[name][3]])
def test_what_the_schema_can_see_it_refuses_as_the_parser_does(tree):
    assert not valid(tree)


def test_every_key_has_a_description():
    tables = [MANIFEST_FIELDS, *(record.fields for record in RECORDS)]
    assert all(field.about.endswith(".") for fields in tables for field in fields.values())


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 70000),
    st.floats(allow_nan=False),
    st.sampled_from(
        ["run", "/x", "5s", "10MB", "http", "auto", "always", "ready", "${A:-5}", "$", "1", "true", "TERM"]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(st.sampled_from(["http", "tcp", "policy", "path", "spawn", "b", "prefer"]), inner, max_size=2),
    ),
    max_leaves=4,
)
SERVICES = st.dictionaries(st.sampled_from([*SERVICE_FIELDS, "unknown"]), VALUES, max_size=3)


@settings(max_examples=30, deadline=None, database=None)
@given(st.fixed_dictionaries({"services": st.dictionaries(st.sampled_from("ab"), SERVICES, max_size=2)}), SERVICES)
def test_whatever_the_parser_accepts_validates(tree, defaults):
    tree = {**tree, "defaults": {"command": ["run"], **defaults}}
    if read(tree).problems == []:
        assert valid(tree)


@settings(max_examples=30, deadline=None, database=None)
@given(st.dictionaries(st.sampled_from([*MANIFEST_FIELDS, "x-a", "y"]), VALUES, max_size=3))
def test_no_value_at_the_top_makes_a_traceback(tree):
    if read(tree).problems == []:
        assert valid(tree)
