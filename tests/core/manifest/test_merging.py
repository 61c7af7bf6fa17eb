from hypothesis import given, settings
from hypothesis import strategies as st

from mamctl.core.manifest.merging import DELETED, merge

KEYS = st.sampled_from(["a", "b", "ready", "http", "tcp", "status"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(0, 3), st.lists(st.integers(0, 2), max_size=2))
TREES = st.recursive(
    st.dictionaries(KEYS, SCALARS, max_size=3),
    lambda inner: st.dictionaries(KEYS, inner | SCALARS, max_size=3),
    max_leaves=6,
)
quick = settings(max_examples=30, deadline=None, database=None)


def test_maps_merge_deep_and_lists_and_scalars_replace():
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 1}
    assert merge(base, {"a": {"c": [3]}, "e": 2}) == {"a": {"b": 1, "c": [3]}, "d": 1, "e": 2}


def test_null_deletes_what_is_beneath():
    assert merge({"a": 1, "b": {"c": 1}}, {"a": None, "b": {"c": None}}) == {"a": DELETED, "b": {"c": DELETED}}


def test_null_over_nothing_stays_null():
    assert merge({"a": None}, {"a": None, "b": None}) == {"a": None, "b": None}


def test_a_probe_takes_the_check_of_the_higher_layer():
    base = {"ready": {"http": "/x", "status": [204], "timeout": 1}}
    assert merge(base, {"ready": {"tcp": "http"}}) == {"ready": {"tcp": "http", "timeout": 1}}


def test_a_probe_keeps_its_check_when_only_its_rhythm_changes():
    base = {"ready": {"http": "/x", "status": [204]}}
    assert merge(base, {"ready": {"timeout": 1}}) == {"ready": {"http": "/x", "status": [204], "timeout": 1}}
    assert merge(base, {"ready": {"http": "/y"}}) == {"ready": {"http": "/y", "status": [204]}}


def test_a_service_that_speaks_for_itself_takes_no_rhythm_from_beneath():
    base = {"ready": {"interval": "5s", "failures": 2}}
    assert merge(base, {"ready": {"notify": True}}) == {"ready": {"notify": True}}
    assert merge({"ready": {"notify": True, "watchdog": 1}}, {"ready": {"tcp": "http"}}) == {"ready": {"tcp": "http"}}


@quick
@given(TREES, TREES)
def test_merging_a_layer_twice_changes_nothing(base, overlay):
    once = merge(base, overlay)
    assert merge(once, overlay) == once


@quick
@given(TREES)
def test_an_empty_layer_changes_nothing(tree):
    assert merge(tree, {}) == tree
    assert merge({}, tree) == tree


@quick
@given(TREES, TREES)
def test_the_layers_themselves_do_not_change(base, overlay):
    before = repr((base, overlay))
    merge(base, overlay)
    assert repr((base, overlay)) == before


@quick
@given(TREES, KEYS)
def test_a_key_that_is_null_above_reads_as_absent(base, key):
    assert merge(base, {key: None})[key] in (None, DELETED)
