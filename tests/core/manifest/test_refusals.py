import pytest

from .reading import read
from .samples import BAD, GOOD


@pytest.mark.parametrize("tree", GOOD.values(), ids=GOOD)
def test_a_good_manifest_has_no_problems(tree):
    assert read(tree).problems == []


@pytest.mark.parametrize(("tree", "key", "message", "_"), BAD.values(), ids=BAD)
def test_a_bad_manifest_has_one_problem_at_its_key(tree, key, message, _):
    (problem,) = read(tree).problems
    assert problem.startswith(f"{key}: ")
    assert message in problem


def test_all_problems_are_reported_at_once():
    tree = {"name": "a b", "services": {"a": {"comand": 1, "port": "x", "stop": {"grace": "y"}}, "b": 5}}
    assert len(read(tree).problems) == 6


def test_an_unknown_key_comes_with_the_nearest_known_one():
    (finding,) = read({"services": {"a": {"command": ["run"], "depend_on": []}}}).findings
    assert finding.hint == "did you mean depends_on?"


def test_an_unknown_key_that_is_near_nothing_comes_with_known_ones():
    (finding,) = read({"services": {"a": {"command": ["run"], "stop": {"zzz": 1}}}}).findings
    assert finding.hint == "known: signal, grace, command"


@pytest.mark.parametrize("written", [5432, 5432.0, True, "5432", "h:99999"])
def test_who_is_connected_to_by_a_number_alone_comes_with_how_to_write_it(written):
    tree = {"services": {"a": {"command": ["run"], "port": 6000, "ready": {"tcp": written}}}}
    (finding,) = read(tree).findings
    assert finding.hint == "write the name of a port, or host:port, as 127.0.0.1:5432"


def test_a_huge_number_is_refused_in_few_words():
    (problem,) = read({"services": {"a": {"command": ["run"], "port": 10**5000}}}).problems
    assert problem == "services.a.ports.http: a huge number is not a port"


def test_a_long_value_is_cut_in_the_message():
    (problem,) = read({"services": {"a": {"command": ["run"], "listener": "x" * 500}}}).problems
    assert problem.endswith("...")
    assert len(problem) < 150
