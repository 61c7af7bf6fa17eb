import json

import pytest

from mamctl.core.manifest.render import render

from .reading import read
from .samples import GOOD
from .test_services import EXTERNAL


@pytest.mark.parametrize("tree", [*GOOD.values(), {"services": {"llm": EXTERNAL}}], ids=[*GOOD, "a spawned port"])
def test_what_is_rendered_reads_back_the_same(tree):
    first = read(tree).manifest
    again = read(json.loads(json.dumps(render(first)))).manifest
    auto = {name for name, spec in first.services.items() if any(port.wanted != port.number for port in spec.ports)}
    for name in first.services.keys() - auto:
        if not first.services[name].secrets:
            assert again.services[name] == first.services[name]


def test_secrets_are_masked_wherever_they_occur():
    tree = {
        "services": {
            "a": {
                "command": ["run", "--key=hunter22", "-x"],
                "env": {"KEY": "hunter22", "SHORT": "-x", "URL": "http://u:hunter22@h/", "N": "5"},
                "secrets": ["KEY", "SHORT", "ABSENT"],
            }
        }
    }
    keys = render(read(tree).manifest)["services"]["a"]
    assert keys["command"] == ["run", "--key=********", "-x"]
    assert keys["env"] == {"KEY": "********", "SHORT": "********", "URL": "http://u:********@h/", "N": "5"}


def test_secrets_of_a_spawned_service_are_masked():
    spawn = {"command": ["run"], "env": {"KEY": "hunter22"}, "secrets": ["KEY"]}
    tree = {"services": {"e": {"kind": "external", "identify": {"tcp": "h:1"}, "acquire": [{"spawn": spawn}]}}}
    assert "hunter22" not in json.dumps(render(read(tree).manifest))


def test_a_secret_that_only_the_shell_has_is_masked():
    tree = {"services": {"a": {"command": ["run", "--key=${KEY}"], "secrets": ["KEY"]}}}
    shell = {"KEY": "hunter22"}
    found = read(tree, environ=shell).manifest
    assert render(found, shell)["services"]["a"]["command"] == ["run", "--key=********"]


def test_a_secret_of_one_service_is_masked_in_those_that_share_its_value():
    tree = {
        "env": {"KEY": "hunter22"},
        "services": {"a": {"command": ["run"], "secrets": ["KEY"]}, "b": {"command": ["run", "hunter22"]}},
    }
    assert "hunter22" not in json.dumps(render(read(tree).manifest))


def test_an_external_service_without_steps_of_its_own_is_attached():
    tree = {"services": {"e": {"kind": "external", "identify": {"tcp": "[::1]:1"}}}}
    keys = render(read(tree).manifest)["services"]["e"]
    assert keys["acquire"] == ["attach"]
    assert keys["identify"]["tcp"] == "[::1]:1"


def test_dollars_that_would_be_substituted_again_are_doubled():
    tree = {"services": {"a": {"command": ["run", "$${A}", "5$", "$$$$"]}}}
    assert render(read(tree).manifest)["services"]["a"]["command"] == ["run", "$${A}", "5$", "$$$$"]


def test_the_default_is_said_where_null_switched_it_off():
    tree = {"services": {"a": {"command": ["run"], "port": 5001, "ready": None, "start_timeout": None}}}
    keys = render(read(tree).manifest)["services"]["a"]
    assert (keys["ready"], keys["start_timeout"], keys["ports"]) == (None, None, {"http": 5001})


def test_a_port_that_is_not_chosen_yet_is_auto():
    tree = {"services": {"a": {"command": ["run"], "port": "auto"}}}
    assert render(read(tree).manifest)["services"]["a"]["ports"] == {"http": "auto"}
