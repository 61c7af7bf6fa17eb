import pytest

from mamctl.core.manifest.choices import Condition, Kind, Listener, Policy, Streams
from mamctl.core.manifest.ladder import LOOK, Starter
from mamctl.core.manifest.layers import Entry
from mamctl.core.manifest.model import (
    Dependency,
    ExecProbe,
    HttpProbe,
    LogProbe,
    Logs,
    NotifyProbe,
    Port,
    Probe,
    RestartPolicy,
    ServiceSpec,
    Stop,
    TcpProbe,
    needs_restart,
)
from mamctl.core.manifest.shapes import WrittenFloat

from .reading import FOLDER, read, service


def test_a_service_with_only_a_command_has_the_defaults_of_the_model():
    assert service() == ServiceSpec(name="a", argv=("run",), cwd=FOLDER)


def test_a_string_is_split_as_a_shell_would():
    assert service(command="python -m 'my thing'").argv == ("python", "-m", "my thing")


def test_a_string_goes_to_a_shell_when_asked_for():
    assert service(command="a | b", shell=True).argv == ("/bin/sh", "-c", "a | b")


def test_numbers_and_truth_values_are_words_as_they_were_written():
    number = WrittenFloat("1.10")
    number.text = "1.10"
    assert service(command=["run", number, 5, True, False]).argv == ("run", "1.10", "5", "true", "false")


@pytest.mark.parametrize(
    ("written", "folder"), [("sub", "/stack/sub"), ("../x", "/x"), ("/abs", "/abs"), (".", "/stack")]
)
def test_a_folder_is_relative_to_the_manifest(written, folder):
    assert service(cwd=written).cwd == folder


def test_port_is_short_for_a_port_named_http():
    assert service(port=5001).ports == (Port("http", 5001, 5001),)


def test_ports_keep_their_order_and_their_wishes():
    reading = read(
        {"services": {"a": {"command": ["run"], "ports": {"web": "auto", "api": {"prefer": 5000}, "c": "5003"}}}},
        numbers={("a", "web"): 10240, ("a", "api"): 10241},
    )
    assert reading.services["a"].ports == (Port("web", None, 10240), Port("api", 5000, 10241), Port("c", 5003, 5003))
    assert reading.services["a"].url == "http://127.0.0.1:10240"


def test_an_empty_preference_is_any_port():
    assert service(ports={"x": {}}).ports == (Port("x", None, 0),)


def test_a_service_with_a_port_is_ready_when_it_is_reached():
    assert service(port=5001).ready == Probe(TcpProbe("127.0.0.1", 5001))
    assert service(port=5001, host="::").ready == Probe(TcpProbe("127.0.0.1", 5001))
    assert service(port=5001, host="::1").ready == Probe(TcpProbe("::1", 5001))


def test_ready_null_switches_the_default_off():
    assert service(port=5001, ready=None).ready is None


@pytest.mark.parametrize(
    ("written", "check"),
    [
        ({"http": "/x"}, HttpProbe("http://127.0.0.1:5001/x")),
        ({"http": "https://h/x", "status": 204}, HttpProbe("https://h/x", (204,))),
        ({"http": "/", "json": {"b": 1, "a": None}}, HttpProbe("http://127.0.0.1:5001/", json='{"a": null, "b": 1}')),
        ({"http": "${services.a.url}/x"}, HttpProbe("http://127.0.0.1:5001/x")),
        ({"tcp": "http"}, TcpProbe("127.0.0.1", 5001)),
        ({"tcp": "[::1]:99"}, TcpProbe("::1", 99)),
        ({"tcp": "h:${services.a.port}"}, TcpProbe("h", 5001)),
        ({"exec": "check --it"}, ExecProbe(("check", "--it"))),
        ({"exec": ["check"]}, ExecProbe(("check",))),
        ({"log": "ready in \\d+"}, LogProbe("ready in \\d+")),
        ({"notify": True}, NotifyProbe()),
        ({"notify": "${UNSET:-true}", "watchdog": "90s"}, NotifyProbe(watchdog=90.0)),
        ({"notify": {"fd": 4}}, NotifyProbe(4)),
    ],
)
def test_a_probe_has_one_check(written, check):
    assert service(port=5001, ready=written).ready == Probe(check)


def test_a_probe_has_a_rhythm():
    probe = service(port=5001, live={"tcp": "http", "timeout": "1s", "interval": "1m", "failures": 1}).live
    assert probe == Probe(TcpProbe("127.0.0.1", 5001), 1.0, 60.0, 1)


def test_health_is_short_for_ready_and_live():
    spec = service(port=5001, health="/h")
    assert spec.ready == spec.live == Probe(HttpProbe("http://127.0.0.1:5001/h"))


def test_health_null_is_short_for_no_probe():
    assert service(port=5001, health=None).ready is None


def test_a_port_of_null_is_no_port():
    assert service(port=None).ports == ()


def test_a_restart_word_is_short_for_its_policy():
    assert service(restart="always").restart == RestartPolicy(policy=Policy.ALWAYS)
    assert service(restart={"max_attempts": None, "delay": 0}).restart == RestartPolicy(max_attempts=None, delay=0.0)


def test_equal_parts_are_shared():
    tree = {"services": {name: {"command": ["run"], "restart": {"delay": 0.125}} for name in "ab"}}
    services = read(tree).services
    assert services["a"].restart is services["b"].restart


def test_one_is_not_true_for_parts_that_are_shared():
    assert read({"services": {"a": {"command": ["run"], "logs": {"keep": 1}}}}).problems == []
    assert read({"services": {"a": {"command": ["run"], "logs": {"keep": True}}}}).problems != []


def test_the_rest_of_the_keys():
    spec = service(
        kind="service",
        description="It",
        secrets=["KEY"],
        listener="any",
        start_timeout=None,
        success_exit_codes=3,
        stop={"signal": "INT", "grace": 0},
        logs={"max_size": "1kB", "keep": 0, "streams": "split"},
        profiles=["ai"],
        manual=True,
        essential="true",
    )
    assert spec == ServiceSpec(
        name="a",
        description="It",
        argv=("run",),
        cwd=FOLDER,
        secrets=frozenset({"KEY"}),
        listener=Listener.ANY,
        start_timeout=None,
        success_exit_codes=frozenset({3}),
        stop=Stop(2, 0.0),
        logs=Logs(1000, 0, Streams.SPLIT),
        profiles=frozenset({"ai"}),
        manual=True,
        essential=True,
    )


def test_a_task_is_not_restarted_has_no_probe_and_no_deadline():
    spec = service(kind="task", port=5001)
    assert spec.restart == RestartPolicy(policy=Policy.NEVER)
    assert (spec.ready, spec.start_timeout) == (None, None)


def test_a_task_is_restarted_only_by_a_policy_of_its_own():
    assert service(kind="task", restart={"delay": 1}).restart == RestartPolicy(policy=Policy.NEVER, delay=1.0)
    assert service(kind="task", restart="always").restart.policy is Policy.ALWAYS
    assert service(kind="task", start_timeout="5s").start_timeout == 5.0


def test_a_dependency_waits_for_a_task_to_complete_and_for_others_to_be_ready():
    tree = {
        "services": {
            "a": {
                "command": ["run"],
                "depends_on": {"b": {}, "c": "started", "d": {"required": False, "restart": True}},
            },
            "b": {"command": ["run"], "kind": "task"},
            "c": {"command": ["run"]},
            "d": {"command": ["run"]},
        }
    }
    assert read(tree).services["a"].depends_on == {
        "b": Dependency(Condition.COMPLETED),
        "c": Dependency(Condition.STARTED),
        "d": Dependency(Condition.READY, required=False, restart=True),
    }


def test_a_dependency_may_be_a_number_as_it_was_written():
    tree = {"services": {"a": {"command": ["run"], "depends_on": [8080]}, "8080": {"command": ["run"]}}}
    assert list(read(tree).services["a"].depends_on) == ["8080"]


EXTERNAL = {
    "kind": "external",
    "port": 1234,
    "host": "127.0.0.2",
    "env": {"A": "b"},
    "identify": {"http": "/greeting"},
    "acquire": [{"spawn": {"command": ["serve"], "ports": {"debug": 99}, "cwd": "llm", "restart": "always"}}],
}


def test_an_external_service_is_identified_and_its_child_inherits_from_it():
    spec = read({"services": {"llm": EXTERNAL}}).services["llm"]
    assert (spec.kind, spec.argv, spec.ready, spec.live) == (Kind.EXTERNAL, (), None, None)
    assert spec.external.identify == Probe(HttpProbe("http://127.0.0.2:1234/greeting"))
    assert spec.external.rungs == ()
    child = spec.external.spawned
    assert (child.name, child.kind, child.argv, child.cwd) == ("llm", Kind.SERVICE, ("serve",), "/stack/llm")
    assert (child.host, child.ports) == ("127.0.0.2", (Port("http", 1234, 1234), Port("debug", 99, 99)))
    assert (child.env, child.restart.policy) == ({"A": "b"}, Policy.ALWAYS)
    assert child.ready == Probe(TcpProbe("127.0.0.2", 1234))


def test_an_external_service_is_attached_by_default():
    spec = read({"services": {"x": {"kind": "external", "identify": {"tcp": "h:1"}}}}).services["x"]
    assert spec.external.rungs == (LOOK,)
    assert spec.external.spawned is None


def test_references_tell_ports_hosts_and_urls():
    tree = {
        "services": {
            "a": {
                "command": ["run", "${services.b.port}", "--at=${services.b.url}"],
                "description": "beside ${services.b.host}",
                "env": {"X": "${services.b.ports.debug}"},
            },
            "b": {"command": ["run"], "host": "0.0.0.0", "ports": {"http": "auto", "debug": 99}},
        }
    }
    spec = read(tree, numbers={("b", "http"): 10240}).services["a"]
    assert spec.argv == ("run", "10240", "--at=http://127.0.0.1:10240")
    assert spec.description == "beside 0.0.0.0"
    assert spec.env == {"X": "99"}


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("${services.bb.port}", "no such service: bb"),
        ("${services.c.port}", "c has no port"),
        ("${services.b.ports.x}", "b has no port 'x'"),
    ],
)
@pytest.mark.parametrize("key", ["command", "description", "env"])
def test_a_reference_to_nothing_is_said_where_it_stands(reference, message, key):
    value = {"command": ["run", reference], "description": reference, "env": {"X": reference}}[key]
    tree = {
        "services": {"a": {"command": ["r"], key: value}, "b": {"command": ["r"], "port": 5}, "c": {"command": ["r"]}}
    }
    (problem,) = read(tree).problems
    assert problem == f"services.a.{key}{'.X' if key == 'env' else ''}: {message}"


def test_environments_are_merged_low_to_high():
    tree = {
        "env_file": "top.env",
        "env": {"A": "env", "B": "env", "C": "env", "GONE": None},
        "services": {
            "a": {"command": ["run"], "env_file": "a.env", "env": {"C": "own", "D": None, "E": "back"}},
            "b": {"command": ["run"]},
            "c": {"command": ["run"]},
        },
    }
    services = read(
        tree,
        top={"A": "top", "T": "top", "D": "top", "GONE": "top"},
        pairs={"/stack/a.env": {"B": "file", "GONE": "no"}},
    ).services
    assert services["a"].env == {"A": "env", "T": "top", "B": "file", "C": "own", "GONE": "no", "E": "back"}
    assert services["a"].unset == {"D"}
    assert services["b"].env == {"A": "env", "B": "env", "C": "env", "T": "top", "D": "top"}
    assert services["b"].unset == {"GONE"}
    assert services["b"].env is services["c"].env


def test_the_process_environment_is_seen_before_the_env_file():
    tree = {"env": {"X": "${A} ${B}"}, "services": {"a": {"command": ["run"]}}}
    assert read(tree, environ={"A": "process"}, top={"A": "file", "B": "file"}).services["a"].env["X"] == "process file"


def test_a_port_variable_that_differs_from_the_port_is_refused():
    tree = {
        "services": {
            "a": {"command": ["run"], "port": 5001, "env": {"PORT": 5001}},
            "b": {
                "command": ["run"],
                "ports": {"web-ui": 5002},
                "env": {"PORT": "${services.a.port}", "PORT_WEB_UI": 1},
            },
            "c": {"command": ["run"], "ports": {"x": "auto"}, "env": {"PORT": 5}},
            "d": {"command": ["run"], "env": {"PORT": 5}},
        }
    }
    assert read(tree).problems == [
        "services.b.env.PORT: PORT is '5001', but the service's port web-ui is 5002",
        "services.b.env.PORT_WEB_UI: PORT_WEB_UI is '1', but the service's port web-ui is 5002",
        "services.c.env.PORT: PORT is '5', but the service's port x is chosen when it starts",
    ]


def test_defaults_lie_beneath_every_service():
    tree = {
        "defaults": {"restart": "always", "env": {"A": "1"}, "stop": {"grace": 1}},
        "services": {"a": {"command": ["run"], "restart": {"delay": 0}, "env": {"B": "2"}}},
    }
    spec = read(tree).services["a"]
    assert spec.restart == RestartPolicy(policy=Policy.ALWAYS, delay=0.0)
    assert (spec.env, spec.stop) == ({"A": "1", "B": "2"}, Stop(grace=1.0))


def test_defaults_that_do_not_fit_a_kind_are_not_for_it():
    tree = {
        "defaults": {"live": {"exec": ["check"]}, "command": ["run"]},
        "services": {"t": {"kind": "task"}, "e": {"kind": "external", "identify": {"tcp": "h:1"}}, "a": {}},
    }
    reading = read(tree)
    assert reading.problems == []
    assert reading.services["t"].argv == ("run",)
    assert reading.services["a"].live == Probe(ExecProbe(("check",)))


def test_an_override_changes_adds_and_deletes():
    tree = {
        "name": "mam",
        "services": {
            "a": {
                "command": ["run"],
                "port": 5001,
                "env": {"A": "1", "B": "2"},
                "depends_on": ["b", "c"],
                "health": "/h",
            },
            "b": {"command": ["run"]},
            "c": {"command": ["run"]},
        },
    }
    override = {
        "services": {
            "a": {"port": 6001, "env": {"A": None}, "depends_on": {"b": None}, "ready": {"tcp": "http"}, "live": None},
            "b": None,
            "d": {"command": ["run"]},
        }
    }
    reading = read(tree, override)
    assert reading.problems == []
    assert list(reading.services) == ["a", "c", "d"]
    spec = reading.services["a"]
    assert spec.ports == (Port("http", 6001, 6001),)
    assert (spec.env, spec.unset) == ({"B": "2"}, {"A"})
    assert list(spec.depends_on) == ["c"]
    assert (spec.ready, spec.live) == (Probe(TcpProbe("127.0.0.1", 6001)), None)


def test_an_override_replaces_env_files_and_deletes_names():
    tree = {"name": "mam", "env": {"A": "1"}, "env_file": "a", "include": "x", "services": {"a": {"command": ["run"]}}}
    reading = read(tree, {"name": None, "env": None, "env_file": None, "include": None, "defaults": None})
    assert (reading.name, reading.services["a"].env, reading.problems) == ("stack", {}, [])


def test_a_service_of_an_included_file_is_changed_or_deleted_and_keeps_its_own_surroundings():
    included = Entry({"command": ["run"], "port": 1}, "/shared", ("/shared/services.yaml",), ({}, {"A": "theirs"}))
    tree = {
        "env": {"A": "ours"},
        "defaults": {"manual": True},
        "services": {"a": {"ports": {"http": 2}}, "b": None, "c": {"command": ["run"]}},
    }
    services = read(tree, beneath={"a": included, "b": included}).services
    assert list(services) == ["a", "c"]
    spec = services["a"]
    assert (spec.cwd, spec.env, spec.manual, spec.ports) == ("/shared", {"A": "theirs"}, False, (Port("http", 2, 2),))
    assert (services["c"].env, services["c"].manual) == ({"A": "ours"}, True)


def test_a_service_that_is_null_with_nothing_beneath_is_refused():
    assert read({"services": {"a": None}}).problems == ["services.a: must be a map, not null"]


@pytest.mark.parametrize(
    ("folder_name", "name"),
    [("mam", "mam"), ("My Stack!", "My-Stack-"), ("__", "stack"), ("é" * 3, "stack"), ("a" * 80, "a" * 63)],
)
def test_the_project_is_named_after_its_folder(folder_name, name):
    from mamctl.core.manifest.findings import Findings
    from mamctl.core.manifest.naming import project_name

    assert project_name(None, f"/x/{folder_name}", Findings()) == name


def test_only_what_a_service_is_run_as_asks_for_a_restart():
    assert needs_restart(service(), service(command=["walk"]))
    assert needs_restart(service(ready={"notify": True}), service(ready={"notify": True, "watchdog": "1s"}))
    assert needs_restart(service(), service(limits={"nice": 5}))
    assert needs_restart(service(), service(tty=True))
    assert not needs_restart(service(), service(description="x"))
    other = {**EXTERNAL, "acquire": [{"spawn": {"command": ["other"]}}]}
    one, two = (read({"services": {"llm": keys}}).services["llm"] for keys in (EXTERNAL, other))
    assert needs_restart(one, two)


def test_a_url_needs_a_port_and_brackets_for_six():
    assert service().url is None
    assert service(port=1, host="::1").url == "http://[::1]:1"


def test_the_steps_of_a_ladder_keep_their_order_and_a_spawn_is_the_last():
    steps = [{"run": "start one"}, {"spawn": {"command": ["run"]}}, "attach", {"run": ["start", "${services.x.port}"]}]
    keys = {
        "kind": "external",
        "port": 1234,
        "identify": {"tcp": "http"},
        "acquire": steps,
        "release": {"run": "stop it"},
    }
    found = read({"services": {"x": keys}}).services["x"].external
    assert found.rungs == (Starter(("start", "one")), LOOK, Starter(("start", "1234")))
    assert found.spawned is not None
    assert found.release == ("stop", "it")


def test_a_stop_command_is_read_as_any_command():
    found = read({"services": {"a": {"command": ["run"], "stop": {"command": "stop 'it now'", "grace": 3}}}}).services[
        "a"
    ]
    assert (found.stop.command, found.stop.signal, found.stop.grace) == (("stop", "it now"), 15, 3)
