import json

import pytest

from mamctl.runtime.manifest import inspect

YAML = """
x-base: &base {stop: {grace: 2s}, logs: {keep: 1}}
services:
  a:
    <<: *base
    command: [run, 1.10, 0x1F, 007, yes, on, 12:30, true, ~x]
    logs: {keep: 2}
"""


def test_yaml_keeps_numbers_and_words_as_they_were_written(service):
    words = ("run", "1.10", "0x1F", "007", "yes", "on", "12:30", "true", "~x")
    assert service(YAML).argv == words


def test_yaml_merge_keys_lie_beneath_a_maps_own_keys(service):
    assert (service(YAML).stop.grace, service(YAML).logs.keep) == (2.0, 2)


def test_a_quoted_merge_key_is_a_key(service):
    assert service('services: {a: {command: [run], env: {"<<": x}}}').env == {"<<": "x"}


def test_yaml_merge_keys_take_several_maps_the_first_wins(service):
    text = """
x-1: &one {description: one}
x-2: &two {description: two, cwd: sub}
services: {a: {<<: [*one, *two], command: [run]}}
"""
    spec = service(text)
    assert spec.description == "one"
    assert spec.cwd.endswith("/sub")


@pytest.mark.parametrize(
    ("scalar", "variable"),
    [
        ("5001", "5001"), ("1_000", "1_000"), ("+5", "+5"), ("1e3", "1e3"), (".5", ".5"),
        (".inf", ".inf"), ("-.INF", "-.INF"),
        ("'007'", "007"), ('"a\\tb"', "a\tb"), ("TRUE", "true"), ("no", "no"),
        ("2024-01-31", "2024-01-31"), ("1.2.3", "1.2.3"),
        ("!!str 5", "5"), ("!!int 5", "5"), ("! x", "x"), ("=", "="),
    ],
)  # fmt: skip
def test_a_yaml_scalar_becomes_the_text_of_a_variable(service, scalar, variable):
    assert service(f"services: {{a: {{command: [run], env: {{X: {scalar}}}}}}}").env == {"X": variable}


@pytest.mark.parametrize("key", ["5", "true", "null", "1.5", "on"])
def test_a_key_is_text_as_it_was_written(stack, key):
    manifest = inspect(stack.write(f"services: {{{key}: {{command: [run]}}}}"), environ={})
    assert list(manifest.services) == [key]


def test_json_is_a_manifest(service):
    text = json.dumps({"services": {"a": {"command": ["run", 1.5], "port": 5001}}}, indent="\t")
    assert service(text).ports[0].number == 5001
    assert service('{"services": {"a": {"command": ["run", 1.10]}}}').argv == ("run", "1.10")


def test_what_begins_like_json_may_be_yaml(service):
    assert service("{services: {a: {command: [run]}}}").argv == ("run",)


TOML = """
name = "mam"
[env]
STAMP = 2024-01-31
[services.a]
command = ["run", 1.10]
ports = {http = 5001}
"""


def test_toml_has_the_same_keys(service):
    spec = service(TOML, "services.toml")
    assert (spec.argv, spec.env) == (("run", "1.10"), {"STAMP": "2024-01-31"})
    assert spec.ports[0].number == 5001


def test_toml_has_arrays_of_tables(stack):
    text = """
[services.b]
kind = "external"
identify = {tcp = "h:1"}
[[services.b.acquire]]
spawn = {command = ["serve"]}
"""
    manifest = inspect(stack.write(text, "services.toml"), environ={})
    assert manifest.services["b"].external.spawned.argv == ("serve",)


def test_an_escaped_dollar_sign_is_one(service):
    assert service('{"services": {"a": {"command": ["\\u0024{A}"]}}}', A="b").argv == ("b",)


def test_a_byte_order_mark_is_no_content(service):
    assert service("\ufeffservices: {a: {command: [run]}}").argv == ("run",)


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("services:\n\ta: 1", "2:1", "is not YAML: found character that cannot start any token"),
        ("services: {a: 1", "2:1", "is not YAML"),
        ("services:\n  a: b: c", "2:7", "is not YAML: mapping values are not allowed"),
        ("services: {}\n---\nservices: {}", "2:1", "a second document begins"),
        ("services: {a: *x}", "1:15", "there is no anchor &x"),
        ("services: &x {a: *x}", "1:18", "*x stands inside itself"),
        ("services: !thing {}", "1:11", "the tag !thing is not known"),
        ("name: !!binary aGk=", "1:7", "is not known"),
        ("? [a]\n: b", "1:3", "a list or map cannot be a key"),
        ("<<: 5", "1:1", "<< takes a map"),
        ("x-a: \x01", "1:6", "a control character"),
        ("- a\n- b", "1:1", "must be a map"),
        ("just text", "1:1", "must be a map"),
        ("x-a: " + "9" * 5000, "1:6", "the number is too long"),
        ("x: " + "[" * 100_000, "1:67", "is nested more than 64 deep"),
        (b"name: \xff\xfe", "1:7", "is not UTF-8"),
        ('{"a": ' * 5000, "1:385", "is nested more than 64 deep"),
    ],
)
def test_a_text_that_cannot_be_read_is_one_problem_with_its_place(stack, text, where, message):
    (sentence,) = stack.sentences(text)
    assert sentence.startswith(f"services.yaml:{where}: ")
    assert message in sentence


@pytest.mark.parametrize(
    ("text", "where", "opened"),
    [
        ("services:\n  a:\n    command: [sleep, '1'\n    port: 5\n", "4:5", "[ opened at line 3, column 14"),
        ("services:\n  a: {command: [x], env: {A: b}\n  b: {}\n", "3:3", "{ opened at line 2, column 6"),
        ("services:\n  a:\n    command: 'sleep 1\n    port: 5\n", "5:1", "quote opened at line 3, column 14"),
        ('services:\n  a: {command: ["x]}\n', "3:1", "quote opened at line 2, column 17"),
    ],
)
def test_a_bracket_or_quote_that_is_left_open_is_told_with_its_place(stack, text, where, opened):
    (problem,) = stack.problems(text)
    assert str(problem).startswith(f"services.yaml:{where}: is not YAML: ")
    assert problem.message.endswith(f", in the {opened}")
    assert problem.hint == "close it, or check what is between"


def test_a_tab_comes_with_a_hint(stack):
    (problem,) = stack.problems("services:\n  a:\n\tcommand: [run]")
    assert problem.hint == "YAML is indented with spaces, never with tabs"


def test_aliases_cannot_blow_up(stack):
    lines = ["x0: &x0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]" for n in range(1, 10)]
    (sentence,) = stack.sentences("\n".join(lines))
    assert "has more than 200000 values" in sentence


def test_all_duplicate_keys_are_told(stack):
    text = "services:\n  a: {command: [run]}\n  b: {command: [run], command: [x]}\n  a: {command: [run]}\n"
    assert stack.sentences(text) == [
        "services.yaml:3:23: command: the key 'command' is there twice, first in line 3",
        "services.yaml:4:3: a: the key 'a' is there twice, first in line 2",
    ]


def test_duplicate_keys_of_json_are_told(stack):
    text = '{"services": {\n\t"a": {"command": ["run"]},\n\t"a": {"command": ["\\ud83d\\ude00"]}}}'
    assert stack.sentences(text) == ["services.yaml:3:2: a: the key 'a' is there twice, first in line 2"]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('[services.a]\ncommand = "run', "2:"),
        ("a = 1\na = 2", "2:"),
        ("x = " + "9" * 9000 + "\n", "1:1"),
        ("[" * 5000, ""),
    ],
)
def test_a_text_that_is_no_toml_is_one_problem(stack, text, where):
    sentence = stack.sentences(text, "services.toml")[0]
    assert sentence.startswith(f"services.toml:{where}")


def test_a_file_that_is_too_large_is_refused(stack, monkeypatch):
    monkeypatch.setattr("mamctl.runtime.manifest.documents.LARGEST", 1 << 20)
    (sentence,) = stack.sentences("#" * ((1 << 20) + 1))
    assert sentence == "services.yaml:1:1: is larger than 1 MiB"


def test_json_that_is_nested_too_deeply_for_places_still_has_problems(stack):
    text = '{"services": {"a": {}}, "x-a": ' + "[" * 100 + "]" * 100 + "}"
    assert stack.sentences(text) == ["services.yaml:1:1: command is missing"]


@pytest.mark.parametrize("text", ["", "# only a comment", "~", "name: mam", "services:\n"])
def test_a_manifest_without_services_says_how_to_write_one(stack, text):
    (problem,) = stack.problems(text)
    assert problem.message == "there are no services"
