import pytest

from mamctl.core.manifest.checks import ephemeral
from mamctl.core.manifest.draft import draft
from mamctl.core.manifest.findings import Findings
from mamctl.core.manifest.layers import Entry

from .reading import read


def stack(**services):
    return {"services": {name: {"command": ["run"], **keys} for name, keys in services.items()}}


def problems(**services):
    return read(stack(**services)).problems


def test_an_unknown_dependency_comes_with_the_nearest_service():
    (finding,) = read(stack(a={"depends_on": ["backnd"]}, backend={})).findings
    assert (finding.message, finding.hint) == ("no such service: backnd", "did you mean backend?")


def test_a_dependency_of_the_only_service_has_nothing_near():
    (finding,) = read(stack(a={"depends_on": ["zz"]})).findings
    assert finding.hint == "known: a"


def test_a_manual_service_cannot_be_depended_on():
    (problem,) = problems(a={"depends_on": ["b"]}, b={"manual": True})
    assert problem.startswith("services.a.depends_on.b: b is manual")


def test_a_wait_that_cannot_end_is_refused():
    external = {"kind": "external", "identify": {"tcp": "h:1"}}
    tree = stack(a={"depends_on": {"t": "ready", "e": "completed"}}, t={"kind": "task"})
    tree["services"]["e"] = external
    assert read(tree).problems == [
        "services.a.depends_on.t: t is a task, which is never ready",
        "services.a.depends_on.e: e is external, which is never completed",
    ]


def test_what_only_a_spawned_service_depends_on_is_checked_too():
    spawn = {"command": ["run"], "depends_on": ["nobody"]}
    tree = {"services": {"e": {"kind": "external", "identify": {"tcp": "h:1"}, "acquire": [{"spawn": spawn}]}}}
    assert read(tree).problems == ["services.e.acquire[0].spawn.depends_on.nobody: no such service: nobody"]


def test_what_only_a_spawned_service_depends_on_can_be_fine():
    spawn = {"command": ["run"], "depends_on": ["b"]}
    tree = stack(b={})
    tree["services"]["e"] = {"kind": "external", "identify": {"tcp": "h:1"}, "acquire": [{"spawn": spawn}]}
    assert read(tree).problems == []


@pytest.mark.parametrize(
    ("services", "circle"),
    [
        ({"a": {"depends_on": ["a"]}}, "a -> a"),
        ({"a": {"depends_on": ["b"]}, "b": {"depends_on": ["a"]}}, "a -> b -> a"),
        ({"x": {"depends_on": ["a"]}, "a": {"depends_on": ["b"]}, "b": {"depends_on": ["a"]}}, "a -> b -> a"),
    ],
)  # fmt: skip
def test_a_circle_is_printed_once(services, circle):
    (problem,) = problems(**services)
    assert problem.endswith(f"the dependencies go in a circle: {circle}")


def test_two_circles_are_two_problems():
    assert len(problems(a={"depends_on": ["a"]}, b={"depends_on": ["c"]}, c={"depends_on": ["b"]})) == 2


def test_a_diamond_is_no_circle():
    assert problems(a={"depends_on": ["b", "c"]}, b={"depends_on": ["d"]}, c={"depends_on": ["d"]}, d={}) == []


def test_a_chain_of_thousands_is_walked_without_recursion():
    chain = {f"s{n}": {"depends_on": [f"s{n + 1}"]} for n in range(1200)}
    assert problems(**chain, s1200={}) == []


def test_two_services_cannot_share_a_port():
    (problem,) = problems(a={"port": 5001}, b={"ports": {"web": 5001}})
    assert problem == "services.b.ports.web: port 5001 is also that of a, which can run at the same time"


def test_two_ports_of_one_service_cannot_be_the_same():
    (problem,) = problems(a={"ports": {"x": 5001, "y": 5001}})
    assert problem == "services.a.ports.y: port 5001 is also that of another port of this service"


@pytest.mark.parametrize(
    ("one", "two", "clash"),
    [
        ({}, {"host": "127.0.0.2"}, False),
        ({}, {"host": "0.0.0.0"}, True),
        ({}, {"host": "localhost"}, True),
        ({"profiles": ["x"]}, {"profiles": ["y"]}, False),
        ({"profiles": ["x"]}, {"profiles": ["x", "y"]}, True),
        ({"profiles": ["x"]}, {}, True),
        ({}, {"manual": True}, False),
        ({"port": "auto"}, {}, False),
        ({"port": {"prefer": 5001}}, {}, False),
    ],
)
def test_a_port_is_shared_only_by_those_that_can_run_together(one, two, clash):
    assert bool(problems(a={"port": 5001, **one}, b={"port": 5001, **two})) is clash


def test_a_service_that_is_depended_on_runs_with_its_dependants():
    services = {"a": {"port": 1, "profiles": ["x"]}, "b": {"port": 1, "profiles": ["y"]}}
    assert problems(**services, c={"depends_on": ["a"], "profiles": ["z"]}) == []
    assert len(problems(**services, c={"depends_on": ["a"], "profiles": ["y"]})) == 1
    assert len(problems(**services, c={"depends_on": ["a"]})) == 1


def test_two_services_cannot_write_one_log():
    assert problems(**{"mamctl": {}, "a": {"logs": {"streams": "split"}}, "a.err": {}}) == [
        "services.mamctl: the name is taken: logs/mamctl.log is the supervisor's own",
        "services.a.err: the name is taken: logs/a.err.log belongs to a",
    ]


def test_a_fixed_port_among_those_for_outgoing_connections_is_told():
    raw = {"command": ["run"], "ports": {"a": 40000, "b": 5001, "c": "auto"}}
    drafts = draft({"s": Entry(raw, "/", (), ())}, Findings())
    ((at, message),) = ephemeral(drafts, (32768, 60999))
    assert at == ("services", "s", "ports", "a")
    assert message.startswith("port 40000 lies in 32768-60999")
