"""docs/services.md and docs/stack.md against services.yaml, the settings of the services, and the running stack."""

from __future__ import annotations

import json
import re

import pytest

from mamctl.cli.main import run
from mamctl.runtime.manifest import load
from services.frontend.toolchain import WANTED
from tests.docs.pages import ROOT, code, fences, links, page, sections, tables
from tests.system.shipped import Shipped, own_ports, request

PAGE = page("stack.md")
SECTIONS = sections(PAGE)
MADE = page("services.md")


@pytest.fixture(scope="module")
def manifest():
    return load(str(ROOT / "services.yaml"), environ={"PATH": ""})


def test_the_page_of_the_services_is_the_one_that_mamctl_writes(tmp_path, monkeypatch, capsys):
    # In a folder of its own: what somebody's own .env or override says is not what is documented.
    (tmp_path / "services.yaml").write_text((ROOT / "services.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert run(["export", "markdown"], {"PATH": "/usr/bin:/bin"}) == 0
    assert capsys.readouterr().out == MADE, "say `mamctl export markdown -o docs/services.md --force`, and commit it"


def test_every_service_has_its_row(manifest):
    # Replicas share the row of the service that the manifest names.
    names = [next((of for of in manifest.replicas if name.startswith(f"{of}-")), name) for name in manifest.services]
    assert [code(row["Service"])[0] for row in tables(MADE)[0]] == list(dict.fromkeys(names))


def test_every_readme_of_a_service_is_linked():
    readmes = {f"../services/{path.parent.name}/README.md" for path in ROOT.glob("services/*/README.md")}
    assert readmes <= set(links(PAGE))


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
    stack = Shipped(tmp_path)
    with own_ports():
        try:
            began = stack.mamctl("up", "-d", "--timeout", "100s")
            assert began.returncode == 0, began.stdout + began.stderr
            addresses = [code(row["Address"])[0] for row in tables(SECTIONS["Where to look"])[0]]
            assert {address: request(address)[0] for address in addresses} == dict.fromkeys(addresses, 200)
            chat = re.search(r"-d '(.+)'", fences(SECTIONS["Where to look"])[0].text)
            assert request("http://127.0.0.1:5000/chat", json.loads(chat[1]))[0] == 200
        finally:
            stack.mamctl("down")
