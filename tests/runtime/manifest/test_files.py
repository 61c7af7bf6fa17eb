import os

import pytest

from mamctl.core.errors import UsageError
from mamctl.runtime.manifest import inspect, load


def test_the_manifest_knows_its_folder_and_all_files_that_were_read(stack):
    stack.write("A=1", "top.env")
    stack.write("B=1", "sub/own.env")
    stack.write("services: {b: {command: [run], env_file: own.env}}", "sub/more.yaml")
    stack.write("services: {a: {description: changed}}", "services.override.yaml")
    text = """
env_file: [top.env, {path: none.env, required: false}]
include: sub/more.yaml
services: {a: {command: [run]}}
"""
    manifest = inspect(stack.write(text), environ={})
    names = [os.path.relpath(path, manifest.folder) for path in manifest.files]
    assert names == ["services.yaml", "services.override.yaml", "top.env", "sub/more.yaml", "sub/own.env"]
    assert (manifest.path, manifest.folder) == (stack.path, str(stack.folder))
    assert manifest.services["a"].description == "changed"


def test_a_missing_manifest_is_a_usage_error(stack):
    with pytest.raises(UsageError, match="there is no such file"):
        inspect(stack.path, environ={})


def test_a_folder_is_no_manifest(stack):
    with pytest.raises(UsageError, match="is not a file"):
        inspect(str(stack.folder), environ={})


def test_a_path_with_a_nul_byte_is_a_usage_error(stack):
    with pytest.raises(UsageError):
        inspect(f"{stack.path}\0", environ={})


@pytest.mark.skipif(not os.path.isfile("/proc/self/mem"), reason="needs a file that even root cannot read")
def test_a_manifest_that_cannot_be_read_is_a_usage_error():
    with pytest.raises(UsageError, match="cannot be read: "):
        inspect("/proc/self/mem", environ={})


def test_an_env_file_that_is_missing_is_a_problem_unless_it_may_be(stack):
    text = "env_file: [a.env]\nservices:\n  a: {command: [run], env_file: [{path: b.env, required: false}, c.env]}\n"
    one, two = stack.problems(text)
    assert str(one).startswith("services.yaml:1:12: env_file[0]: ")
    assert one.message.endswith("a.env: there is no such file")
    assert str(two).startswith("services.yaml:3:66: services.a.env_file[1]: ")
    assert "required: false" in two.hint


def test_an_env_file_that_several_name_is_read_once(stack):
    stack.write("A=1", ".env")
    text = "env_file: .env\nservices: {a: {command: [run], env_file: .env}, b: {command: [run], env_file: .env}}"
    manifest = inspect(stack.write(text), environ={})
    assert len(manifest.files) == 2
    assert manifest.services["b"].env == {"A": "1"}


def test_a_missing_env_file_of_an_override_is_placed_there(stack):
    stack.write("env_file: none.env", "services.override.yaml")
    (sentence,) = stack.sentences("env_file: gone.env\nservices: {a: {command: [run]}}")
    assert sentence.startswith("services.override.yaml:1:1: env_file: ")


def test_a_missing_env_file_is_placed_in_the_manifest_that_names_it(stack):
    stack.write("services: {}", "services.override.yaml")
    (sentence,) = stack.sentences("env_file: gone.env\nservices: {a: {command: [run]}}")
    assert sentence.startswith("services.yaml:1:1: env_file: ")


def test_a_faulty_env_file_is_told_by_its_own_lines(stack):
    stack.write("A=1\nwhat is this\nB='open\n", "sub/.env")
    assert stack.sentences("services: {a: {command: [run], env_file: sub/.env}}") == [
        "sub/.env:2:1: expected NAME=value",
        "sub/.env:3:1: the value has no closing '",
    ]


def test_an_env_file_that_is_no_text_is_a_problem(stack):
    stack.write(b"A=1\nB=\xff\n", ".env")
    assert stack.sentences("env_file: .env\nservices: {a: {command: [run]}}") == [".env:2:3: is not UTF-8"]


def test_the_top_env_file_is_seen_by_substitution_after_the_process(stack):
    stack.write("A=file\nB=file", ".env")
    text = "env_file: .env\nservices: {a: {command: ['${A}', '${B}', '${C:-none}']}}"
    assert inspect(stack.write(text), environ={"A": "process"}).services["a"].argv == ("process", "file", "none")


def test_the_path_of_an_env_file_can_be_substituted_from_the_process(stack):
    stack.write("A=1", "dev.env")
    text = "env_file: '${STAGE:-dev}.env'\nservices: {a: {command: [run]}}"
    assert inspect(stack.write(text), environ={}).services["a"].env == {"A": "1"}


def test_an_included_file_keeps_its_own_env_defaults_and_folder(stack):
    stack.write("X=theirs", "shared/.env")
    stack.write(
        "env_file: .env\nenv: {Y: '${X}'}\ndefaults: {stop: {grace: 1}}\nservices: {b: {command: [run], cwd: sub}}",
        "shared/services.yaml",
    )
    text = """
env: {X: ours, Z: ours}
include: [shared/services.yaml]
defaults: {manual: true}
services: {a: {command: [run]}}
"""
    services = inspect(stack.write(text), environ={}).services
    assert list(services) == ["b", "a"]
    b = services["b"]
    assert (b.env, b.stop.grace, b.manual) == ({"X": "theirs", "Y": "theirs"}, 1.0, False)
    assert b.cwd == str(stack.folder / "shared" / "sub")
    assert (services["a"].env, services["a"].stop.grace) == ({"X": "ours", "Z": "ours"}, 10.0)


def test_the_manifest_may_change_and_delete_what_it_includes(stack):
    stack.write("services: {b: {command: [run], port: 1}, c: {command: [run]}}", "shared.yaml")
    text = "include: shared.yaml\nservices: {b: {port: 2}, c: null}"
    services = inspect(stack.write(text), environ={}).services
    assert [(name, spec.ports[0].number) for name, spec in services.items()] == [("b", 2)]


def test_a_manifest_may_only_include(stack):
    stack.write("services: {b: {command: [run]}}", "shared.yaml")
    assert list(inspect(stack.write("include: shared.yaml"), environ={}).services) == ["b"]


def test_a_service_that_two_included_files_define_is_a_problem(stack):
    stack.write("services: {b: {command: [run]}}", "one.yaml")
    stack.write("services: {b: {command: [run]}}", "two.yaml")
    assert stack.sentences("include: [one.yaml, two.yaml]") == [
        "two.yaml:1:12: services.b: b is defined in one.yaml too"
    ]


def test_a_file_that_is_included_twice_counts_once(stack):
    stack.write("services: {b: {command: [run]}}", "shared.yaml")
    stack.write("include: shared.yaml\nservices: {c: {command: [run], depends_on: [b]}}", "one.yaml")
    text = "include: [one.yaml, shared.yaml]\nservices: {a: {command: [run], depends_on: [c]}}"
    assert list(inspect(stack.write(text), environ={}).services) == ["b", "c", "a"]


def test_files_that_include_each_other_are_a_problem(stack):
    circle = ["services.yaml", "sub/services.yaml", "services.yaml"]
    stack.write("include: ../services.yaml\nservices: {b: {command: [run]}}", "sub/services.yaml")
    assert stack.sentences("include: [sub/services.yaml]\nservices: {a: {command: [run]}}") == [
        f"sub/services.yaml:1:1: include: the files include each other: {' -> '.join(circle)}"
    ]


def test_a_file_that_is_included_but_missing_is_a_problem(stack):
    (sentence,) = stack.sentences("include: [none.yaml]\nservices: {a: {command: [run]}}")
    assert sentence.startswith("services.yaml:1:11: include[0]: ")
    assert sentence.endswith("none.yaml: there is no such file")


def test_problems_of_all_files_are_told_at_once(stack):
    stack.write("services: {b: {comand: x, command: [run]}}\nfoo: 1", "shared.yaml")
    stack.write("services: [", "broken.yaml")
    stack.write("a: b: c", "services.override.yaml")
    places = [sentence.split(": ")[0] for sentence in stack.sentences("include: [shared.yaml, broken.yaml]\nname: ' '")]
    assert places == [
        "services.yaml:2:1", "services.override.yaml:1:5", "shared.yaml:1:16", "shared.yaml:2:1", "broken.yaml:2:1",
    ]  # fmt: skip


def test_what_depends_on_services_of_a_broken_file_is_no_second_problem(stack):
    stack.write("services: [", "broken.yaml")
    text = "include: broken.yaml\nservices: {a: {command: ['${services.b.url}'], depends_on: [b]}}"
    (sentence,) = stack.sentences(text)
    assert sentence.startswith("broken.yaml:2:1: is not YAML")


def test_a_manifest_that_cannot_be_read_is_told_beside_its_override(stack):
    stack.write("services: {a: {comand: [run], command: [run]}}", "services.override.yaml")
    places = [sentence.split(": ")[0] for sentence in stack.sentences("services: [")]
    assert places == ["services.yaml:2:1", "services.override.yaml:1:16"]


def test_a_toml_manifest_has_an_override_too(stack):
    stack.write('[services.a]\ndescription = "changed"', "services.override.toml")
    manifest = load(stack.write('[services.a]\ncommand = ["run"]', "services.toml"), environ={})
    assert manifest.services["a"].description == "changed"
