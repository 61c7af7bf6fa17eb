"""How long stopping everything may take."""

from __future__ import annotations

from mamctl.core.longest_stop import SLACK, longest_stop
from mamctl.core.manifest.choices import Condition, Kind
from mamctl.core.manifest.ladder import External
from mamctl.core.manifest.model import Dependency, Probe, ServiceSpec, Stop, TcpProbe


def service(name, grace, *needs):
    edges = {other: Dependency(Condition.READY) for other in needs}
    return name, ServiceSpec(name, argv=("x",), stop=Stop(grace=grace), depends_on=edges)


def test_nothing_takes_no_time():
    assert longest_stop({}) == 0


def test_services_side_by_side_take_as_long_as_the_slowest():
    assert longest_stop(dict([service("a", 3), service("b", 10)])) == 20 + SLACK


def test_services_that_need_each_other_take_the_sum_of_their_layers():
    assert longest_stop(dict([service("db", 30), service("api", 5, "db"), service("web", 1, "api")])) == 72 + 3 * SLACK


def test_an_unknown_dependency_is_passed_over():
    assert longest_stop(dict([service("api", 5, "gone")])) == 10 + SLACK


def test_the_service_that_is_spawned_for_an_external_one_counts():
    spawned = ServiceSpec("model", argv=("x",), stop=Stop(grace=60))
    identify = Probe(TcpProbe("127.0.0.1", 1))
    found = ServiceSpec("model", kind=Kind.EXTERNAL, external=External(identify, spawned=spawned))
    only_looked_for = ServiceSpec("other", kind=Kind.EXTERNAL, external=External(identify))
    assert longest_stop({"model": found, "other": only_looked_for}) == 120 + SLACK
