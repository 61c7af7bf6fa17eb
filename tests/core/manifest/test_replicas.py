"""A service with `replicas` is several ordinary ones; what each has for itself, and what cannot be told of several."""

from __future__ import annotations

import json

import pytest

from mamctl.core.manifest.checks import ephemeral
from mamctl.core.manifest.draft import draft
from mamctl.core.manifest.findings import Findings, spell
from mamctl.core.manifest.layers import Layer, Surroundings, unite
from mamctl.core.manifest.model import needs_restart
from mamctl.core.manifest.render import render
from mamctl.core.manifest.replicas import Replicas, as_documents, replicate

from .reading import read


def workers(number, /, **keys):
    return {"command": ["run"], "replicas": number, **keys}


def stack(**services):
    return {"services": {name: {"command": ["run"], **keys} for name, keys in services.items()}}


def draft_of(tree):
    found = Findings()
    return draft(unite([Layer("f", "/", tree)], Surroundings({}, {}, {}), found).services, found)


def ports(reading, port="http"):
    return {
        name: next((one.wanted for one in spec.ports if one.name == port), "none")
        for name, spec in reading.services.items()
    }


def test_each_replica_is_a_service_of_the_same_service_with_a_number():
    found = read(stack(worker=workers(3), db={})).manifest
    assert list(found.services) == ["worker-1", "worker-2", "worker-3", "db"]
    assert [(spec.service, spec.replica) for spec in found.services.values()] == [
        ("worker", 1), ("worker", 2), ("worker", 3), ("db", 1),
    ]  # fmt: skip
    assert found.replicas == {"worker": Replicas(3, 3)}


@pytest.mark.parametrize("number", [0, 1])
def test_also_one_replica_has_a_number_and_none_is_no_service(number):
    found = read(stack(worker=workers(number))).manifest
    assert list(found.services) == ["worker-1"][:number]
    assert as_documents(found.replicas) == {"worker": {"number": number, "manifest": number}}


def test_a_service_that_was_scaled_has_another_number_and_the_manifest_keeps_its_own():
    found = read(stack(worker=workers(1), db={}), scaled={"worker": 2, "db": 5, "gone": 3}).manifest
    assert list(found.services) == ["worker-1", "worker-2", "db"]
    assert found.replicas == {"worker": Replicas(2, 1)}


def test_defaults_give_replicas_to_all_but_externals():
    external = {"kind": "external", "identify": {"exec": ["run"]}}
    tree = {"defaults": {"replicas": 2}, "services": {"a": {"command": ["run"]}, "b": external}}
    assert list(read(tree).manifest.services) == ["a-1", "a-2", "b"]


# Ports ----------------------------------------------------------------------------------------------------------------


def test_a_range_gives_each_replica_one_number_in_order():
    found = read(stack(worker=workers(2, port="8001-8003")))
    assert ports(found) == {"worker-1": 8001, "worker-2": 8002}
    assert [spec.url for spec in found.manifest.services.values()] == [
        "http://127.0.0.1:8001", "http://127.0.0.1:8002",
    ]  # fmt: skip


def test_automatic_and_preferred_ports_are_chosen_for_each():
    found = read(stack(worker=workers(2, ports={"http": "auto", "debug": {"prefer": 5000}})))
    assert found.problems == []
    assert ports(found) == {"worker-1": None, "worker-2": None}
    assert ports(found, "debug") == {"worker-1": 5000, "worker-2": 5000}


def test_held_sockets_are_each_replicas_own():
    found = read(stack(worker=workers(2, sockets={"http": "8001-8002"}))).manifest
    assert [[port.number for port in spec.sockets] for spec in found.services.values()] == [[8001], [8002]]


def test_numbers_of_a_range_clash_with_a_port_of_another():
    found = read(stack(worker=workers(2, port="8001-8002"), web={"port": 8002}))
    assert found.problems == [
        "services.web.ports.http: port 8002 is also that of worker-2, which can run at the same time"
    ]


@pytest.mark.parametrize(
    ("number", "port", "hint"),
    [
        (3, 8001, "write auto, or a range: 8001-8003"),
        (1, 8001, "write auto, or a range: 8001-8002"),
        (3, 65535, "write auto"),
        (3, "8001-8002", "write auto, or a range: 8001-8003"),
        (2, "8001-8001", "write auto, or a range: 8001-8002"),
    ],
)
def test_a_port_that_does_not_do_for_all_is_refused_once_with_a_range(number, port, hint):
    (finding,) = read(stack(worker=workers(number, port=port))).findings
    assert finding.hint == hint


def test_a_range_that_is_too_short_for_what_was_scaled_says_how_to_go_back():
    (finding,) = read(stack(worker=workers(1, port="8001-8002")), scaled={"worker": 3}).findings
    assert finding.hint == "write auto, or a range: 8001-8003; `mamctl up` goes back to 1"


def test_a_range_among_the_ports_for_outgoing_connections_is_told_once():
    cast = replicate(
        draft_of(stack(worker=workers(3, port="40000-40009"), web={"port": "30000-33000"})), {}, Findings()
    )
    told = [(spell(at), message[:10]) for at, message in ephemeral(cast.drafts, (32768, 60999))]
    assert told == [("services.worker.ports.http", "port 40000"), ("services.web.ports.http", "port 30000")]


# Dependencies ---------------------------------------------------------------------------------------------------------


def test_who_depends_on_the_service_depends_on_each_replica():
    found = read(stack(worker=workers(2), api={"depends_on": {"worker": "started"}})).manifest
    assert {name: edge.condition for name, edge in found.services["api"].depends_on.items()} == {
        "worker-1": "started", "worker-2": "started",
    }  # fmt: skip


def test_what_is_said_of_one_replica_goes_before_what_is_said_of_all():
    for edges in ({"worker": "started", "worker-1": "ready"}, {"worker-1": "ready", "worker": "started"}):
        found = read(stack(worker=workers(2), api={"depends_on": edges})).manifest
        conditions = {name: edge.condition for name, edge in found.services["api"].depends_on.items()}
        assert conditions == {"worker-1": "ready", "worker-2": "started"}


def test_replicas_depend_on_replicas_and_on_tasks_until_these_have_ended():
    found = read(stack(shard=workers(2, kind="task"), worker=workers(2, depends_on=["shard"]))).manifest
    assert {name: edge.condition for name, edge in found.services["worker-2"].depends_on.items()} == {
        "shard-1": "completed", "shard-2": "completed",
    }  # fmt: skip


def test_of_no_replica_there_is_nothing_to_wait_for():
    found = read(stack(worker=workers(0), api={"depends_on": ["worker"]})).manifest
    assert found.services["api"].depends_on == {}


def test_a_spawned_service_waits_for_replicas_too():
    external = {"kind": "external", "identify": {"exec": ["run"]}, "acquire": [{"spawn": {"command": ["run"]}}]}
    tree = {"services": {"llm": {**external, "depends_on": ["worker"]}, "worker": workers(2)}}
    spec = read(tree).manifest.services["llm"]
    assert list(spec.depends_on) == ["worker-1", "worker-2"]
    assert list(spec.external.spawned.depends_on) == ["worker-1", "worker-2"]


@pytest.mark.parametrize(
    ("worker", "edge", "problem"),
    [
        ({"manual": True}, {"worker": "ready"}, "worker is manual: it is never started for another"),
        ({"kind": "task"}, {"worker": "ready"}, "worker is a task, which is never ready"),
        ({}, {"worker-3": "ready"}, "no such service: worker-3"),
    ],
)
def test_a_dependency_that_cannot_be_is_told_where_it_is_written(worker, edge, problem):
    found = read(stack(worker=workers(2, **worker), api={"depends_on": edge}))
    assert set(found.problems) == {f"services.api.depends_on.{next(iter(edge))}: {problem}"}


def test_a_dependency_on_one_replica_is_told_by_its_name():
    found = read(stack(worker=workers(2, manual=True), api={"depends_on": ["worker-2"]}))
    assert found.problems == ["services.api.depends_on.worker-2: worker-2 is manual: it is never started for another"]


def test_a_service_cannot_wait_for_itself_by_the_common_name():
    found = read(stack(worker=workers(2, depends_on=["worker"])))
    assert found.problems[0].startswith("services.worker.depends_on.worker: the dependencies go in a circle")


# References -----------------------------------------------------------------------------------------------------------


def test_a_replica_means_itself_by_the_common_name():
    keys = {
        "port": "8001-8002",
        "command": ["run", "${services.worker.port}"],
        "env": {"ME": "${services.worker.url}"},
        "description": "at ${services.worker.ports.http}",
        "health": "/health",
        "live": None,
    }
    keys["ready"] = {"http": "${services.worker.url}/ready"}
    del keys["health"], keys["live"]
    second = read(stack(worker=workers(2, **keys))).manifest.services["worker-2"]
    assert second.argv == ("run", "8002")
    assert (second.env["ME"], second.description) == ("http://127.0.0.1:8002", "at 8002")
    assert second.ready.check.url == "http://127.0.0.1:8002/ready"


def test_another_names_one_replica_or_the_only_one():
    command = ["run", "${services.worker-2.port}", "${services.single.port}"]
    tree = stack(worker=workers(2, port="8001-8002"), single=workers(1, port="8010-8011"), api={"command": command})
    assert read(tree).manifest.services["api"].argv == ("run", "8002", "8010")


@pytest.mark.parametrize(
    ("number", "message", "hint"),
    [
        (2, "worker has 2 replicas, and one is meant", "name it: worker-1"),
        (0, "worker has no replica now", "give it one, or leave this out"),
    ],
)
def test_the_port_of_several_or_none_is_no_port(number, message, hint):
    tree = stack(worker=workers(number, port="auto"), api={"command": ["run", "${services.worker.port}"]})
    (finding,) = read(tree).findings
    assert (finding.message, finding.hint) == (message, hint)


def test_an_unknown_name_is_nearest_to_the_common_one():
    tree = stack(worker=workers(0), api={"command": ["run", "${services.wroker.port}"]})
    (finding,) = read(tree).findings
    assert finding.hint == "did you mean worker?"


def test_a_smoke_step_is_about_the_only_replica_or_one_by_its_name():
    http = "${services.worker.url}/x"
    steps = [{"name": "a", "http": http}, {"name": "b", "exec": ["run"], "service": "worker"}]
    tree = {**stack(worker=workers(1, port="8001-8002")), "smoke": steps}
    assert [step.service for step in read(tree).manifest.smoke] == ["worker-1", "worker-1"]
    assert read(tree, scaled={"worker": 2}).problems == [
        "smoke[0].http: worker has 2 replicas, and one is meant",
        "smoke[1].service: worker has 2 replicas, and one is meant",
    ]


def test_a_smoke_step_for_nobody_is_told_the_nearest_name():
    tree = {**stack(worker=workers(0)), "smoke": [{"name": "b", "exec": ["run"], "service": "worke"}]}
    assert [finding.hint for finding in read(tree).findings] == ["did you mean worker?"]


# What follows ---------------------------------------------------------------------------------------------------------


def test_another_number_is_another_process():
    one = read(stack(**{"worker-2": {}})).manifest.services["worker-2"]
    two = read(stack(worker=workers(2))).manifest.services["worker-2"]
    assert needs_restart(one, two)


def test_each_replica_is_rendered_as_a_service_of_its_own():
    first = read(stack(worker=workers(2, port="8001-8002"))).manifest
    tree = json.loads(json.dumps(render(first)))
    assert tree["x-replicas"] == {"worker": 2}
    again = read(tree).manifest
    assert [spec.url for spec in again.services.values()] == [spec.url for spec in first.services.values()]
