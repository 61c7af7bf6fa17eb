"""Compose and Kubernetes: what their own schemas say, and what changes when a service goes into a container."""

from __future__ import annotations

import kubernetes_validate
import pytest
import yaml

from mamctl.core.errors import MamctlError
from tests.convert.exporting.stacks import RUN, export, lost, texts, told
from tests.convert.exporting.test_systemd_units import RICH
from tests.core.manifest.samples import GOOD


def compose(services, **wish):
    return yaml.safe_load(texts("compose", services, **wish)["compose.yaml"])["services"]


def objects(services, **wish):
    return list(yaml.safe_load_all(texts("kubernetes", services, **wish)["kubernetes.yaml"]))


def of_kind(kind, services, **wish):
    (found,) = (one for one in objects(services, **wish) if one["kind"] == kind)
    return found["spec"]


def with_images(tree):
    """The services of a manifest as plain values, each with an image."""
    return {name: {**keys, "image": "registry.example/x:1"} for name, keys in tree.items()}


def check(found):
    for one in found:
        kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)


def test_kubernetes_takes_all_objects():
    rich = {name: {key: value for key, value in keys.items() if value is not None} for name, keys in RICH.items()}
    found = objects(with_images(rich))
    assert {one["kind"] for one in found} == {"Deployment", "Service", "ConfigMap", "Job", "CronJob"}
    check(found)


@pytest.mark.parametrize("sample", GOOD)
def test_kubernetes_takes_every_good_manifest(sample):
    services = GOOD[sample]["services"]
    images = dict.fromkeys(services, "registry.example/x:1")
    rest = {key: value for key, value in GOOD[sample].items() if key not in ("services", "name")}
    check(objects(services, images=images, **rest))


def test_a_mistake_is_seen_by_what_validates():
    found = objects({"a": {"image": "i", "env": {"A": "b"}}})
    found[1]["spec"]["replica"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        check(found)


def test_without_an_image_kubernetes_cannot_run_it_and_all_are_named():
    with pytest.raises(MamctlError, match="none is known of: a, c") as caught:
        export("kubernetes", {"a": {}, "b": {"image": "i"}, "c": {}})
    assert caught.value.exit_code == 1
    assert "--image a=" in caught.value.hint


def test_an_image_of_the_command_line_goes_before_the_manifests():
    found = of_kind("Deployment", {"a": {"image": "old"}}, images={"a": "new"})
    assert found["template"]["spec"]["containers"][0]["image"] == "new"


def test_probes_grace_and_memory_are_those_of_the_manifest():
    keys = {
        "image": "i", "port": 8100, "start_timeout": "90s", "stop": {"grace": "30s", "command": ["bye"]},
        "ready": {"http": "/ready?x=1", "interval": "5s", "timeout": "1s", "failures": 2},
        "live": {"exec": ["check"]}, "limits": {"memory": "1GiB"}, "user": 1000,
    }  # fmt: skip
    pod = of_kind("Deployment", {"a": keys})["template"]["spec"]
    (container,) = pod["containers"]
    ask = {"path": "/ready?x=1", "port": 8100}
    assert container["readinessProbe"] == {
        "httpGet": ask, "periodSeconds": 5, "timeoutSeconds": 1, "failureThreshold": 2,
    }  # fmt: skip
    assert container["startupProbe"] == {"httpGet": ask, "periodSeconds": 1, "failureThreshold": 90}
    assert container["livenessProbe"]["exec"] == {"command": ["check"]}
    assert container["lifecycle"] == {"preStop": {"exec": {"command": ["bye"]}}}
    assert container["resources"] == {"limits": {"memory": str(2**30)}}
    assert container["securityContext"] == {"runAsUser": 1000}
    assert pod["terminationGracePeriodSeconds"] == 30


def test_secrets_are_references_and_the_rest_is_a_config_map():
    found = objects({"a": {"image": "i", "env": {"KEY": "hunter22", "A": "b"}, "secrets": ["KEY", "ABSENT"]}})
    assert found[0]["data"] == {"PYTHONUNBUFFERED": "1", "A": "b"}
    (container,) = found[1]["spec"]["template"]["spec"]["containers"]
    absent, key = (one["valueFrom"]["secretKeyRef"] for one in container["env"])
    assert key == {"name": "a-secrets", "key": "KEY"}
    assert absent == {"name": "a-secrets", "key": "ABSENT", "optional": True}


def test_a_schedule_is_a_cron_job_whose_runs_never_overlap():
    task = {
        "kind": "task",
        "command": RUN,
        "image": "i",
        "schedule": {"cron": "0 3 * * *", "timezone": "Europe/Berlin"},
    }
    found = of_kind("CronJob", {"a": task})
    assert (found["schedule"], found["timeZone"], found["concurrencyPolicy"]) == (
        "0 3 * * *",
        "Europe/Berlin",
        "Forbid",
    )


def test_what_up_does_not_start_does_not_run():
    assert of_kind("Deployment", {"a": {"image": "i", "profiles": ["x"]}})["replicas"] == 0
    task = {"kind": "task", "command": RUN, "image": "i", "manual": True}
    assert of_kind("Job", {"a": task})["suspend"] is True
    assert compose({"a": {"manual": True}})["a"]["profiles"] == ["manual"]
    assert compose({"a": {"profiles": ["x"]}})["a"]["profiles"] == ["x"]


def test_names_that_kubernetes_does_not_take_are_changed_and_told():
    services = {"My_Web.1": {"image": "i"}, "my-web-1": {"image": "i"}}
    assert [one["metadata"]["name"] for one in objects(services) if one["kind"] == "Deployment"] == [
        "my-web-1",
        "my-web-1-2",
    ]
    assert "name" in told("kubernetes", services)["My_Web.1"]


def test_others_are_reached_by_their_names_and_everybody_may_come_in():
    services = {
        "web": {"port": 8100, "env": {"API": "http://127.0.0.1:8200/v1,localhost:8100", "DB": "127.0.0.1:5432"}},
        "api": {"port": 8200},
    }
    environment = compose(services)["web"]["environment"]
    assert environment["API"] == "http://api:8200/v1,localhost:8100"
    assert environment["DB"] == "127.0.0.1:5432"
    assert environment["HOST"] == "0.0.0.0"
    assert "env.API" in told("compose", services)["web"]


def test_replicas_are_one_service_that_is_scaled():
    services = {
        "w": {"port": "8201-8210", "replicas": 3, "image": "i"},
        "p": {"env": {"W": "127.0.0.1:8202"}, "image": "i"},
    }
    found = compose(services)
    assert found.keys() == {"w", "p"}
    assert found["w"]["scale"] == 3
    assert found["w"]["ports"] == ["127.0.0.1:8201-8203:8201"]
    assert found["p"]["environment"]["W"] == "w:8201"
    assert next(one for one in objects(services) if one["kind"] == "Deployment")["spec"]["replicas"] == 3


def test_compose_waits_as_the_manifest_says():
    services = {
        "web": {
            "depends_on": {
                "t": "completed",
                "a": {"restart": True},
                "b": {"condition": "started", "required": False},
                "n": {},
            }
        },
        "t": {"kind": "task", "command": RUN},
        "a": {"ready": {"exec": ["check"]}},
        "b": {},
        "n": {"ready": {"log": "listening"}},
    }
    assert compose(services)["web"]["depends_on"] == {
        "t": {"condition": "service_completed_successfully"},
        "a": {"condition": "service_healthy", "restart": True},
        "b": {"condition": "service_started", "required": False},
        "n": {"condition": "service_started"},
    }
    assert "depends_on.n" in told("compose", services)["web"]


def test_a_probe_with_a_secret_asks_with_its_variable_inside_of_the_container():
    keys = {"env": {"KEY": "hunter22"}, "secrets": ["KEY"], "port": 1, "ready": {"http": "/?key=hunter22"}}
    assert compose({"a": keys})["a"]["healthcheck"]["test"][1].endswith("'http://127.0.0.1:1/?key='\"$${KEY}\"")


@pytest.mark.parametrize(("restart", "word"), [
    ("always", "always"), ("never", "no"), ("on-failure", "on-failure:5"), ({"max_attempts": None}, "on-failure"),
    ({"max_attempts": 0}, "no"),
])  # fmt: skip
def test_restarts_are_those_that_compose_knows(restart, word):
    assert compose({"a": {"restart": restart}})["a"]["restart"] == word


def test_without_an_image_compose_builds_the_folder():
    found = compose({"a": {}, "b": {"cwd": "web"}})
    assert (found["a"]["build"], found["b"]["build"]) == (".", "./web")
    assert "cwd" in lost("compose", {"b": {"cwd": "web"}})["b"]


def test_an_external_service_with_an_image_is_run():
    db = {"kind": "external", "port": 5432, "identify": {"tcp": "http"}, "image": "postgres:17"}
    found = compose({"db": db, "web": {"depends_on": ["db"]}})
    assert found["db"]["image"] == "postgres:17"
    assert "command" not in found["db"]
    assert found["web"]["depends_on"]["db"]["condition"] == "service_started"


def test_equal_values_are_written_twice_and_not_by_reference():
    text = texts("compose", {"a": {"env": {"X": "a"}, "ready": {"exec": RUN}, "live": {"exec": RUN}}})["compose.yaml"]
    assert "&id" not in text


def test_a_stack_of_any_name_has_one_that_containers_take():
    text = texts("compose", {"a": {"image": "i"}}, name="My.Shop")["compose.yaml"]
    assert yaml.safe_load(text)["name"] == "my-shop"
    check(objects({"a": {"image": "i"}}, name="My.Shop_"))


def test_a_profile_that_compose_wants_named_is_told():
    services = {"web": {"depends_on": ["ai"]}, "ai": {"profiles": ["x"]}}
    assert "depends_on.ai" in told("compose", services)["web"]
