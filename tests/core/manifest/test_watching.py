"""What the short and long forms of `watch` come to."""

from __future__ import annotations

import pytest

from mamctl.core.manifest.layers import Entry
from mamctl.core.manifest.model import needs_restart
from mamctl.core.manifest.watching import Watch

from .reading import read
from .samples import RUN


def watch_of(written, **keys):
    reading = read({"services": {"a": {"command": RUN, "watch": written, **keys}}})
    assert reading.problems == []
    return reading.services["a"].watch


@pytest.mark.parametrize(
    ("written", "watch"),
    [
        (True, Watch(("/stack",))),
        (False, None),
        (None, None),
        ("src", Watch(("/stack/src",))),
        (["src", "/etc/hosts"], Watch(("/stack/src", "/etc/hosts"))),
        ({}, Watch(("/stack",))),
        ({"paths": "src/../lib/"}, Watch(("/stack/lib",))),
        ({"paths": [], "ignore": "*.md"}, Watch(("/stack",), ("*.md",))),
        ({"paths": ["."], "ignore": ["a", "!b"], "debounce": "2s"}, Watch(("/stack",), ("a", "!b"), 2.0)),
    ],
)
def test_each_form_means_paths_patterns_and_a_pause(written, watch):
    assert watch_of(written) == watch


def test_true_means_the_folder_that_it_runs_in():
    assert watch_of(True, cwd="web") == Watch(("/stack/web",))


def test_paths_of_an_included_file_are_relative_to_it():
    included = Entry({"command": RUN, "watch": {}}, "/shared", ("/shared/services.yaml",), ({},))
    assert read({"services": {}}, beneath={"a": included}).services["a"].watch == Watch(("/shared",))


def test_a_default_means_each_services_own_folder_and_can_be_taken_back():
    tree = {
        "defaults": {"watch": True},
        "services": {
            "web": {"command": RUN, "cwd": "web"},
            "api": {"command": RUN, "watch": False},
            "db": {"kind": "external", "identify": {"tcp": "h:1"}},
        },
    }
    reading = read(tree)
    assert reading.problems == []
    assert {name: spec.watch for name, spec in reading.services.items()} == {
        "web": Watch(("/stack/web",)),
        "api": None,
        "db": None,
    }


def test_an_override_changes_one_key_and_keeps_the_others():
    tree = {"services": {"a": {"command": RUN, "watch": {"paths": ["src"], "ignore": ["*.md"]}}}}
    changed = read(tree, {"services": {"a": {"watch": {"debounce": "1s"}}}}).services["a"].watch
    assert changed == Watch(("/stack/src",), ("*.md",), 1.0)
    assert read(tree, {"services": {"a": {"watch": False}}}).services["a"].watch is None


def test_a_spawned_service_watches_for_its_external_one():
    ladder = [{"spawn": {"command": RUN, "watch": ["src"]}}]
    spec = read({"services": {"e": {"kind": "external", "identify": {"tcp": "h:1"}, "acquire": ladder}}}).services["e"]
    assert "src" in repr(spec.external)


def test_what_is_watched_can_change_without_a_restart():
    one, two = (read({"services": {"a": {"command": RUN, "watch": path}}}).services["a"] for path in ("x", "y"))
    assert one != two
    assert not needs_restart(one, two)
