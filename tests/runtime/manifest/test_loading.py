import json
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mamctl.core.errors import ManifestError
from mamctl.core.manifest.model import Port
from mamctl.runtime.manifest import PortRequest, inspect, load, preferred

PORTS = """
services:
  a: {command: [run, "${services.b.url}"], ports: {http: 5001, debug: auto}}
  b: {command: [run], host: 0.0.0.0, port: {prefer: 5000, fallback: auto}}
  e:
    kind: external
    port: 1234
    identify: {http: /}
    acquire: [{spawn: {command: [run], ports: {extra: auto}}}]
"""


def test_ports_are_asked_for_once_and_used_everywhere(stack):
    asked = []

    def assign(requests):
        asked.append(list(requests))
        return {**preferred(requests), ("a", "debug"): 10240, ("b", "http"): 10241, ("e", "extra"): 10242}

    services = load(stack.write(PORTS), environ={}, assign=assign).services
    assert asked == [
        [
            PortRequest("a", "http", "127.0.0.1", 5001, fallback=False),
            PortRequest("a", "debug", "127.0.0.1", None, fallback=False),
            PortRequest("b", "http", "0.0.0.0", 5000, fallback=True),
            PortRequest("e", "http", "127.0.0.1", 1234, fallback=False),
            PortRequest("e", "extra", "127.0.0.1", None, fallback=False),
        ]
    ]
    assert services["a"].argv == ("run", "http://127.0.0.1:10241")
    assert services["a"].ports == (Port("http", 5001, 5001), Port("debug", None, 10240))
    assert services["b"].ports == (Port("http", 5000, 10241),)
    assert services["e"].external.spawned.ports == (Port("http", 1234, 1234), Port("extra", None, 10242))


def test_ports_are_not_asked_for_when_something_is_wrong(stack):
    def assign(requests):
        raise AssertionError(requests)

    stack.write(PORTS + "    foo: 1\n")
    with pytest.raises(ManifestError):
        load(stack.path, environ={}, assign=assign)


def test_a_chosen_port_that_contradicts_the_environment_is_a_problem(stack):
    stack.write("services: {a: {command: [run], env: {PORT: 5000}, port: {prefer: 5000, fallback: auto}}}")
    assert load(stack.path, environ={}).services["a"].ports == (Port("http", 5000, 5000),)
    with pytest.raises(ManifestError) as caught:
        load(stack.path, environ={}, assign=lambda _: {("a", "http"): 10240})
    assert "PORT is '5000'" in caught.value.problems[0].message


def test_looking_at_a_manifest_chooses_nothing(stack):
    services = inspect(stack.write(PORTS), environ={}).services
    assert [port.number for port in services["a"].ports] == [5001, 0]


def test_loading_twice_gives_equal_manifests(stack):
    stack.write(PORTS)
    assert load(stack.path, environ={}) == load(stack.path, environ={})


def test_a_path_may_be_relative(stack, monkeypatch):
    stack.write(PORTS)
    monkeypatch.chdir(stack.folder)
    assert load("services.yaml", environ={}).path == stack.path


def test_a_text_that_nests_substitutions_without_end_is_a_problem(stack):
    text = "services: {a: {command: ['" + "${A:-" * 5000 + "}" * 5000 + "']}}"
    assert stack.sentences(text) == ["services.yaml:1:1: is nested too deeply"]


WORDS = st.sampled_from(
    ["services", "a", "b", "command", "port", "ports", "env", "env_file", "include", "defaults", "depends_on", "ready",
     "http", "kind", "external", "task", "identify", "acquire", "spawn", "restart", "name", "x-y", "${services.a.url}",
     "/x", "5s", "auto", "${A", "services.yaml", "~", "<<", "1.5"]
)  # fmt: skip
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WORDS, st.text(max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=12,
)
few = settings(
    max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def only_problems(stack, text, name):
    stack.write(text, name)
    try:
        inspect(str(stack.folder / name), environ={})
        problems = ()
    except ManifestError as error:
        problems = error.problems
    assert all(problem.line >= 1 and problem.column >= 1 for problem in problems)


@few
@given(st.dictionaries(WORDS, VALUES, max_size=3), st.dictionaries(WORDS, VALUES, max_size=3))
def test_no_json_makes_a_traceback(stack, tree, keys):
    text = json.dumps({**tree, "services": {"a": keys, **(tree if len(keys) == 1 else {})}})
    only_problems(stack, text, "services.yaml")


@few
@given(
    st.lists(
        st.sampled_from(
            [
                "services:",
                "\n",
                "  ",
                "a",
                ": ",
                "- ",
                "{",
                "}",
                "[",
                "]",
                "&x ",
                "*x",
                "<<: ",
                "'",
                '"',
                "|",
                "\t",
                "!!int ",
                "? ",
                "#",
                "$",
                "\x07",
                "é",
            ]
        ),
        max_size=14,
    )
)
def test_no_yaml_makes_a_traceback(stack, parts):
    only_problems(stack, "".join(parts), "services.yaml")


@few
@given(
    st.lists(
        st.sampled_from(
            ["[services.a]", "\n", "command", " = ", "5", "'x'", "[", "]", "{", "}", "1979-05-27", '"', ".", "#"]
        ),
        max_size=12,
    )
)
def test_no_toml_makes_a_traceback(stack, parts):
    only_problems(stack, "".join(parts), "services.toml")


@few
@given(st.binary(max_size=20))
def test_no_bytes_make_a_traceback(stack, data):
    only_problems(stack, data, "services.yaml")


def test_a_json_manifest_is_loaded_without_the_yaml_library(stack):
    stack.write(json.dumps({"services": {"a": {"command": ["run"], "restart": "always", "port": 5001}}}))
    code = (
        "import sys; from mamctl.runtime.manifest import load; load(sys.argv[1], environ={}); "
        "print([name for name in ('yaml', 'tomllib', 'difflib', 'shlex', 'asyncio') if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, stack.path], capture_output=True, text=True, check=True, timeout=30
    )
    assert answer.stdout == "[]\n"
