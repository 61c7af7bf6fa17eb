"""What all pages have in common: links that lead somewhere, a README that fits, an editor's schema that is current."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import pytest

from mamctl.cli.main import run
from mamctl.version import VERSION
from tests.docs.pages import DOCS, ROOT, anchors, fences, links, pages, prose

SERVICES = sorted(path.parent.name for path in ROOT.glob("services/*/README.md"))


def text_of(path):
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_every_link_leads_somewhere(path):
    for link in links(text_of(path)):
        if link.startswith("https://"):
            continue
        target, _, anchor = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        assert file.exists(), link
        assert not anchor or anchor in anchors(text_of(file)), link


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_a_page_names_no_path_of_the_machine_it_was_written_on(path):
    found = re.search(r"/(work|root|tmp)/\S+", text_of(path))
    assert not found, found


def test_the_readme_is_short_and_links_the_index_which_lists_all_pages():
    readme = text_of(ROOT / "README.md")
    assert len(readme.splitlines()) < 150
    assert {"docs/index.md", *(f"services/{name}/README.md" for name in SERVICES)} <= set(links(readme))


def test_the_readmes_manifest_is_valid(tmp_path, monkeypatch, capsys):
    (example,) = (fence for fence in fences(text_of(ROOT / "README.md")) if fence.language == "yaml")
    (tmp_path / "services.yaml").write_text(example.text)
    monkeypatch.chdir(tmp_path)
    assert run(["validate"], {}) == 0
    assert "2 services, 1 task" in capsys.readouterr().out


def test_the_readme_and_the_changelog_name_the_version():
    assert f"mamctl {VERSION.rpartition('.')[0]} |" in text_of(ROOT / "README.md")
    assert re.search(rf"^## {re.escape(VERSION)} - ", text_of(ROOT / "CHANGELOG.md"), re.MULTILINE)


def test_the_schema_for_editors_is_the_one_that_mamctl_prints(capsys):
    assert run(["schema"], {}) == 0
    assert text_of(DOCS / "services.schema.json") == capsys.readouterr().out


def test_the_shipped_manifest_names_the_schema():
    found = re.search(r"yaml-language-server: \$schema=(\S+)", text_of(ROOT / "services.yaml"))
    assert json.loads(text_of(ROOT / found[1]))["title"] == "mamctl manifest"


@pytest.mark.parametrize("path", sorted((DOCS / "images").glob("*.svg")), ids=lambda path: path.name)
def test_a_picture_is_well_formed_and_shown_with_words_for_those_who_cannot_see_it(path):
    assert ET.parse(path).getroot().attrib["role"] == "img"
    assert not re.search("/(work|root|tmp)/", text_of(path))
    shown = rf"!\[[^\]]{{20,}}\]\((?:docs/|\.\./)?images/{path.name}\)"
    assert any(re.search(shown, text_of(page)) for page in pages())


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_the_words_of_the_project_are_used(path):
    found = re.search(r"\b(daemon|health check)s?\b(?! off)", prose(text_of(path)))
    assert not found, found
