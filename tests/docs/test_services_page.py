"""docs/services.md against services.yaml, the settings of the services, and the running stack."""

from __future__ import annotations

import json
import re

import pytest

from mamctl.core.manifest.model import HttpProbe, NotifyProbe
from mamctl.runtime.manifest import load
from services.frontend.toolchain import WANTED
from tests.docs.pages import ROOT, code, fences, page, sections, tables
from tests.system.shipped import Shipped, busy_ports, request

PAGE = page("services.md")
SECTIONS = sections(PAGE)
SERVICES = {code(row["Service"])[0]: row for row in tables(PAGE)[0]}


@pytest.fixture(scope="module")
def manifest():
    return load(str(ROOT / "services.yaml"), environ={"PATH": ""})


def test_the_services_are_those_of_the_manifest_in_their_order(manifest):
    assert list(SERVICES) == list(manifest.services)


def test_ports_are_the_manifests(manifest):
    ports = {name: [str(port.number) for port in spec.ports] for name, spec in manifest.services.items()}
    assert {name: re.findall(r"\d+", row["Port"]) for name, row in SERVICES.items()} == ports


def test_ready_paths_are_the_manifests(manifest):
    for name, row in SERVICES.items():
        spec = manifest.services[name]
        probe = spec.external.spawned.ready if spec.external else spec.ready
        if probe is None:
            assert code(row["Ready when"]) == []
            continue
        if isinstance(probe.check, NotifyProbe):
            assert code(row["Ready when"]) == ["notify"]
            continue
        assert isinstance(probe.check, HttpProbe)
        assert probe.check.url.endswith(f":{row['Port']}{code(row['Ready when'])[0]}")


def test_dependencies_are_the_manifests(manifest):
    for name, row in SERVICES.items():
        edges = manifest.services[name].depends_on
        assert code(row["Needs"]) == list(edges)
        assert all(edge.required for edge in edges.values()) == ("not required" not in row["Needs"])


def test_the_drawing_has_every_edge_of_the_manifest(manifest):
    drawn = set(re.findall(r"^ +([\w-]+) -.*> ([\w-]+)$", fences(PAGE)[0].text, re.MULTILINE))
    assert drawn == {(name, needed) for name, spec in manifest.services.items() for needed in spec.depends_on}


def test_log_files_rotate_as_it_says(manifest):
    assert {(spec.logs.max_size, spec.logs.keep) for spec in manifest.services.values()} == {(10_000_000, 5)}


@pytest.mark.parametrize("row", tables(SECTIONS["Settings"])[0], ids=lambda row: code(row["Service"])[0])
def test_settings_are_those_of_the_example_file(row):
    text = (ROOT / "services" / code(row["Service"])[0] / ".env.example").read_text(encoding="utf-8")
    names = re.findall(r"^(?:# )?([A-Z][A-Z_]+)=", text, re.MULTILINE)
    assert code(row["Variables"]) == [name for name in names if name not in ("HOST", "PORT")]


def test_make_targets_and_script_words_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    script = (ROOT / "scripts/manage_services.sh").read_text(encoding="utf-8")
    for row in tables(SECTIONS["Commands"])[0]:
        program, word = code(row["Command"])[0].split()
        if program == "make":
            assert re.search(rf"^{word}:.*## ", makefile, re.MULTILINE)
        else:
            assert f" {word})" in script
    assert all((ROOT / path).exists() for path in code(PAGE) if path.startswith("scripts/") and " " not in path)


def test_the_node_that_the_frontend_needs_is_told_as_it_tells_it():
    assert WANTED in " ".join(page("troubleshooting.md").split())


@pytest.mark.system
def test_every_address_answers(tmp_path):
    assert not busy_ports(), "somebody holds a port of the stack: run mamctl ports"
    stack = Shipped(tmp_path)
    try:
        began = stack.mamctl("up", "-d", "--timeout", "100s")
        assert began.returncode == 0, began.stdout + began.stderr
        addresses = [code(row["Address"])[0] for row in tables(SECTIONS["Where to look"])[0]]
        assert {address: request(address)[0] for address in addresses} == dict.fromkeys(addresses, 200)
        chat = re.search(r"-d '(.+)'", fences(SECTIONS["Where to look"])[0].text)
        assert request("http://127.0.0.1:5000/chat", json.loads(chat[1]))[0] == 200
    finally:
        stack.mamctl("down")
