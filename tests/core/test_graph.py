"""The dependency graph: closure, layers, cycles."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from mamctl.core.graph import Graph, find_cycle

QUICK = settings(max_examples=50, derandomize=True, deadline=None, database=None)
DIAMOND = {"web": ("api", "auth"), "api": ("db",), "auth": ("db",), "db": (), "other": ()}


def test_the_closure_has_dependencies_first_and_each_name_once():
    assert Graph(DIAMOND).closure(["web"]) == ("db", "api", "auth", "web")


def test_the_closure_of_several_names_keeps_their_order_where_it_can():
    assert Graph(DIAMOND).closure(["other", "auth", "db"]) == ("other", "db", "auth")


def test_layers_can_start_together_and_keep_the_order_of_the_manifest():
    assert Graph(DIAMOND).layers() == (("db", "other"), ("api", "auth"), ("web",))


def test_an_empty_graph_has_no_layers():
    assert Graph({}).layers() == ()


def test_dependants_are_the_edges_turned_round_and_unknown_names_are_left_out():
    graph = Graph({"a": ("b", "ghost"), "b": ()})
    assert graph.dependencies == {"a": ("b",), "b": ()}
    assert graph.dependants == {"a": (), "b": ("a",)}


def test_a_cycle_is_shown_from_the_name_where_it_closes():
    assert find_cycle({"a": ("b",), "b": ("c", "ghost"), "c": ("d",), "d": ("b",)}) == ("b", "c", "d", "b")


def test_a_service_that_needs_itself_is_a_cycle():
    assert find_cycle({"a": ("a",)}) == ("a", "a")


def test_a_diamond_is_no_cycle():
    assert find_cycle(DIAMOND) == ()


def test_a_chain_of_thousands_is_no_problem():
    chain = {str(number): (str(number + 1),) for number in range(5000)}
    graph = Graph({**chain, "5000": ()})
    assert len(graph.layers()) == 5001
    assert find_cycle(chain) == ()


edges = st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=3).map(tuple))


@QUICK
@given(edges)
def test_either_there_is_a_cycle_or_every_name_comes_after_what_it_needs(found):
    cycle = find_cycle(found)
    if cycle:
        assert cycle[0] == cycle[-1]
        assert all(after in found[before] for before, after in pairwise(cycle))
        return
    graph = Graph(found)
    place = {name: depth for depth, layer in enumerate(graph.layers()) for name in layer}
    assert place.keys() == found.keys()
    assert all(place[other] < place[name] for name, others in graph.dependencies.items() for other in others)
