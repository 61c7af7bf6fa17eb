"""Held sockets in the manifest: ports like any other, but for who binds them and what a connection proves."""

import pytest

from mamctl.core.manifest.checks import unproven
from mamctl.core.manifest.choices import Listener
from mamctl.core.manifest.draft import draft
from mamctl.core.manifest.findings import Findings
from mamctl.core.manifest.layers import Entry
from mamctl.core.manifest.model import HttpProbe, NotifyProbe, Port, Probe, TcpProbe, needs_restart
from mamctl.core.manifest.render import render

from .reading import problems, read, service

HTTP = Port("http", 8000, 8000, held=True)


def test_sockets_come_before_ports_and_both_are_reached_by_name():
    spec = service(ports={"metrics": 9000}, sockets={"http": 8000, "admin": 8001})
    assert spec.ports == (HTTP, Port("admin", 8001, 8001, held=True), Port("metrics", 9000, 9000))
    assert spec.sockets == spec.ports[:2]
    assert spec.url == "http://127.0.0.1:8000"


def test_only_plain_ports_are_bound_by_the_service_itself():
    spec = service(ports={"metrics": 9000}, sockets={"http": 8000})
    assert spec.binds == (Port("metrics", 9000, 9000),)
    assert service(ports={"metrics": 9000}, listener="any").binds == ()
    assert service(sockets={"http": 8000}, listener="any").listener is Listener.ANY


def test_a_number_can_be_left_to_us_or_only_be_preferred():
    tree = {"services": {"a": {"command": ["run"], "sockets": {"x": "auto", "y": {"prefer": 8000}}}}}
    spec = read(tree, numbers={("a", "x"): 10240, ("a", "y"): 10241}).services["a"]
    assert spec.sockets == (Port("x", None, 10240, held=True), Port("y", 8000, 10241, held=True))


def test_others_can_refer_to_a_socket_as_to_a_port():
    tree = {
        "services": {
            "a": {"command": ["run"], "sockets": {"http": 8000, "admin": 8001}},
            "b": {"command": ["run", "${services.a.url}", "${services.a.port}", "${services.a.ports.admin}"]},
        }
    }
    assert read(tree).services["b"].argv == ("run", "http://127.0.0.1:8000", "8000", "8001")


def test_a_connection_to_a_held_socket_makes_nothing_ready():
    assert service(sockets={"http": 8000}).ready is None
    assert service(sockets={"http": 8000}, ports={"x": 9000}).ready == Probe(TcpProbe("127.0.0.1", 9000))


def test_a_path_means_the_first_socket():
    spec = service(sockets={"http": 8000}, ports={"x": 9000}, ready={"http": "/h"}, live={"tcp": "x"})
    assert spec.ready == Probe(HttpProbe("http://127.0.0.1:8000/h"))
    assert spec.live == Probe(TcpProbe("127.0.0.1", 9000))


@pytest.mark.parametrize("target", ["http", "127.0.0.1:8000", "localhost:8000", "[::1]:8000"])
@pytest.mark.parametrize("key", ["ready", "live"])
def test_a_tcp_probe_of_a_held_socket_is_refused_with_what_to_write(key, target):
    host = "::1" if "::1" in target else "127.0.0.1"
    tree = {"services": {"a": {"command": ["run"], "host": host, "sockets": {"http": 8000}, key: {"tcp": target}}}}
    (finding,) = read(tree).findings
    assert finding.message == "proves nothing: socket 8000 is held for it, so it accepts always"
    assert finding.hint.startswith("write http: /path")


def test_a_tcp_probe_of_another_address_or_port_is_fine():
    assert problems(sockets={"http": 8000}, ready={"tcp": "db.local:8000"}) == []
    assert problems(sockets={"http": "auto"}, ready={"tcp": "localhost:${services.a.port}"}) == []
    assert problems(sockets={"http": 8000}, ready={"tcp": "localhost:5432"}) == []


@pytest.mark.parametrize(("fd", "free"), [(3, 5), (4, 5)])
def test_a_notification_descriptor_cannot_be_that_of_a_socket(fd, free):
    sockets = {"http": 8000, "admin": 8001}
    tree = {"services": {"a": {"command": ["run"], "sockets": sockets, "ready": {"notify": {"fd": fd}}}}}
    (finding,) = read(tree).findings
    assert finding.message == f"descriptor {fd} is that of a held socket"
    assert finding.hint == f"write {{fd: {free}}}"
    assert service(sockets=sockets, ready={"notify": {"fd": free}}).ready == Probe(NotifyProbe(free))


def test_a_name_is_that_of_a_port_or_of_a_socket():
    assert problems(port=9000, sockets={"http": 8000}) == ["services.a.sockets.http: is the name of a port, too"]


def test_two_services_cannot_share_a_socket_port():
    both = {"command": ["run"], "sockets": {"web": 8000}}
    (problem,) = read({"services": {"a": both, "b": both}}).problems
    assert problem == "services.b.sockets.web: port 8000 is also that of a, which can run at the same time"
    (problem,) = read({"services": {"a": both, "b": {"command": ["run"], "port": 8000}}}).problems
    assert problem.startswith("services.b.ports.http: port 8000 is also that of a")


def test_only_what_is_kept_running_can_have_sockets():
    (problem,) = problems(kind="task", sockets={"http": 8000})
    assert problem.startswith("services.a.sockets: only for a service that is kept running")
    external = {"kind": "external", "identify": {"http": "/x"}, "port": 8001, "sockets": {"http2": 8000}}
    spawn = {"command": ["run"], "sockets": {"http2": 8000}}
    assert [problem.partition(":")[0] for problem in read({"services": {"a": external}}).problems] == [
        "services.a.sockets"
    ]
    external = {"kind": "external", "identify": {"http": "/x"}, "port": 8001, "acquire": [{"spawn": spawn}]}
    assert read({"services": {"a": external}}).problems == [
        "services.a.acquire[0].spawn.sockets: a spawned service cannot have this key"
    ]


def test_defaults_give_sockets_only_to_who_can_have_them():
    tree = {
        "defaults": {"sockets": {"http": "auto"}},
        "services": {"a": {"command": ["run"]}, "t": {"command": ["run"], "kind": "task"}},
    }
    reading = read(tree)
    assert reading.problems == []
    assert [len(spec.sockets) for spec in reading.services.values()] == [1, 0]


def test_a_bad_socket_is_one_problem():
    assert problems(sockets={"http": 0}, ready={"http": "/x"}) == ["services.a.sockets.http: 0 is not a port"]


def test_another_socket_or_who_binds_it_asks_for_a_new_process():
    old = service(sockets={"http": 8000})
    assert needs_restart(old, service(sockets={"http": 8001}))
    assert needs_restart(old, service(sockets={"web": 8000}))
    assert needs_restart(old, service(port=8000, ready=None))
    assert not needs_restart(old, service(sockets={"http": 8000}, ready={"http": "/x"}))


def test_what_is_rendered_is_read_as_the_same():
    tree = {"services": {"a": {"command": ["run"], "sockets": {"http": 8000}, "ports": {"x": 9000}}}}
    manifest = read(tree).manifest
    shown = render(manifest)
    assert shown["services"]["a"]["sockets"] == {"http": 8000}
    assert shown["services"]["a"]["ports"] == {"x": 9000}
    assert read(shown).services == manifest.services


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"sockets": {"http": 8000}}, True),
        ({"sockets": {"http": 8000}, "ready": {"http": "/"}}, False),
        ({"sockets": {"http": 8000}, "ready": None}, False),
        ({"sockets": {"http": 8000}, "ports": {"x": 9000}}, False),
        ({"port": 9000}, False),
    ],
)
def test_who_has_sockets_and_no_probe_is_warned(keys, told):
    raw = {"command": ["run"], **keys}
    found = list(unproven(draft({"a": Entry(raw, "/", (), ())}, Findings())))
    assert [at for at, _ in found] == ([("services", "a", "sockets")] if told else [])
    assert all("write ready: {http: /path}" in message for _, message in found)
