import json

import pytest

from mamctl.runtime.manifest import inspect

MANY = """\
name: mam
defaults:
  stop: {grace: soon}
services:
  backend:
    command: [run, []]
    comand: x
    port: 70000
    health: {http: /h, timeout: 0}
    restart: allways
    depends_on: [migrat]
  migrate:
    kind: task
    command: run
    health: /h
"""


def test_problems_come_in_the_order_of_the_file_with_their_places(stack):
    assert stack.sentences(MANY) == [
        "services.yaml:3:10: defaults.stop.grace: 'soon' is not a duration",
        "services.yaml:6:20: services.backend.command[1]: must be text or a number, not a list",
        "services.yaml:7:5: services.backend.comand: unknown key",
        "services.yaml:8:5: services.backend.port: 70000 is not a port",
        "services.yaml:9:24: services.backend.health.timeout: must be longer than 0",
        "services.yaml:10:5: services.backend.restart: must be one of always, on-failure, never, not 'allways'",
        "services.yaml:11:18: services.backend.depends_on.migrat: no such service: migrat",
        "services.yaml:15:5: services.migrate.health: a task has no probe: it is done when it has ended",
    ]


def test_json_has_the_same_places(stack):
    text = '{"services": {\n\t"a": {"command": ["\\ud83d\\ude00"], "port": "x"},\n\t"b c": {"command": ["run"]}}}'
    assert [sentence[:24] for sentence in stack.sentences(text)] == [
        "services.yaml:2:37: serv",
        "services.yaml:3:2: servi",
    ]


def test_toml_has_the_lines_of_keys(stack):
    text = """\
name = "a b"
[services.a]
command = ["run"]
prot = 5
restart.policy = "x"
[services."b"]
command = []
[services.b.stop]
signal = "X"
[[services.b.foo]]
"""
    assert stack.sentences(text, "services.toml") == [
        "services.toml:1:1: name: 'a b' is not a name",
        "services.toml:4:1: services.a.prot: unknown key",
        "services.toml:5:1: services.a.restart.policy: must be one of always, on-failure, never, not 'x'",
        "services.toml:7:1: services.b.command: is empty",
        "services.toml:9:1: services.b.stop.signal: 'X' is not a signal",
        "services.toml:10:3: services.b.foo: unknown key",
    ]


def test_a_problem_of_an_override_is_placed_there(stack):
    stack.write("services:\n  a: {stop: {grace: never}}\n", "services.override.yaml")
    assert stack.sentences("services:\n  a: {command: [run], stop: {grace: 1, signal: X}}\n") == [
        "services.yaml:2:40: services.a.stop.signal: 'X' is not a signal",
        "services.override.yaml:2:14: services.a.stop.grace: 'never' is not a duration",
    ]


def test_a_problem_through_a_merge_key_is_placed_at_the_anchor(stack):
    text = "x-base: &base\n  stop: {grace: never}\nservices:\n  a: {<<: *base, command: [run]}\n"
    assert stack.sentences(text) == ["services.yaml:2:10: services.a.stop.grace: 'never' is not a duration"]


def test_a_problem_through_the_second_of_two_merged_maps_is_placed_there(stack):
    text = "x-1: &one {cwd: .}\nx-2: &two {prot: 5}\nservices: {a: {<<: [*one, *two], command: [run]}}\n"
    assert stack.sentences(text) == ["services.yaml:2:12: services.a.prot: unknown key"]


def test_a_problem_that_a_spawned_service_inherits_is_placed_once(stack):
    text = """\
services:
  e:
    kind: external
    identify: {tcp: "h:1"}
    stop: {grace: never}
    acquire:
      - spawn: {command: [run], prot: 5}
"""
    assert stack.sentences(text) == [
        "services.yaml:5:12: services.e.stop.grace: 'never' is not a duration",
        "services.yaml:7:33: services.e.acquire[0].spawn.prot: unknown key",
    ]


def test_a_problem_with_a_variable_from_a_file_is_placed_at_the_service(stack):
    stack.write("PORT=5", ".env")
    (sentence,) = stack.sentences("env_file: .env\nservices:\n  a: {command: [run], port: 6}\n")
    assert sentence == "services.yaml:3:3: services.a: PORT is '5', but the service's port http is 6"


@pytest.mark.parametrize("as_json", [False, True])
def test_warnings_have_places(stack, monkeypatch, as_json):
    stack.write("32768\t60999\n", "range")
    monkeypatch.setattr("mamctl.runtime.manifest.loading._LOCAL_PORTS", str(stack.folder / "range"))
    tree = {"services": {"a": {"command": ["run"], "port": 40000}, "b": {"command": ["run"], "port": 5001}}}
    text = (
        json.dumps(tree)
        if as_json
        else "services:\n  a: {command: [run], port: 40000}\n  b: {command: [run], port: 5001}\n"
    )
    (warning,) = inspect(stack.write(text), environ={}).warnings
    assert warning.startswith(
        f"services.yaml:{'1:41' if as_json else '2:23'}: services.a.port: port 40000 lies in 32768-60999"
    )


@pytest.mark.parametrize("written", ["later", "[later]", "{paths: [later]}"])
def test_a_path_to_watch_that_is_not_there_is_warned_of_at_its_place(stack, written):
    text = f"services:\n  a:\n    command: [run]\n    watch: {written}\n"
    (warning,) = inspect(stack.write(text), environ={}).warnings
    assert warning.startswith("services.yaml:4:")
    assert "later is not there; it is watched once it appears" in warning


def test_there_are_no_warnings_where_the_systems_range_is_unknown(stack, monkeypatch):
    monkeypatch.setattr("mamctl.runtime.manifest.loading._LOCAL_PORTS", str(stack.folder / "none"))
    assert inspect(stack.write("services: {a: {command: [run], port: 40000}}"), environ={}).warnings == ()


REPLICATED = """\
services:
  worker:
    command: [run, "${services.worker.ports.htp}"]
    port: 8001-8002
    replicas: 3
    depends_on: {db: completed, wroker: ready}
    env_file: [gone.env]
  worker-2: {command: [run]}
  api:
    command: [run, "${services.worker.url}"]
  db: {kind: external, identify: {exec: [x]}, replicas: 2}
"""


def test_a_problem_of_all_replicas_is_told_once_where_it_is_written(stack):
    assert stack.sentences(REPLICATED) == [
        "services.yaml:3:5: services.worker.command: worker has no port 'htp'",
        "services.yaml:4:5: services.worker.port: the range has 2 numbers, too few for 3 replicas",
        "services.yaml:6:18: services.worker.depends_on.db: db is external, which is never completed",
        "services.yaml:6:33: services.worker.depends_on.wroker: no such service: wroker",
        f"services.yaml:7:16: services.worker.env_file[0]: {stack.folder}/gone.env: there is no such file",
        "services.yaml:8:3: services.worker-2: is also the name of a replica of worker",
        "services.yaml:10:5: services.api.command: worker has 3 replicas, and one is meant",
        "services.yaml:11:47: services.db.replicas: an external service has no replicas",
    ]
