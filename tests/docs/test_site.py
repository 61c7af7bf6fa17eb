"""The pages as a site: built without a warning, complete, and without a word to any other host."""

from __future__ import annotations

import html
import re
import subprocess
import sys

import pytest

from mamctl.cli.app import SECTIONS
from mamctl.control import server  # noqa: F401 - it brings the endpoints, which the document is made of
from mamctl.control.openapi import document
from mamctl.core.manifest.schema import schema
from tests.docs.pages import DOCS, ROOT, links, page

COMMANDS = [name for names in SECTIONS.values() for name in names]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built pages."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-E", "-n", "-d", str(folder / "doctrees")]
    command += ["-c", str(DOCS / "site"), str(ROOT), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    (folder / "warnings").write_text(done.stdout + done.stderr)
    return folder


def test_there_is_no_warning(site):
    assert (site / "warnings").read_text() == ""


def text_of(site, name):
    """What people read on a built page."""
    source = (site / f"{name}.html").read_text(encoding="utf-8")
    return html.unescape(re.sub(r"<[^>]+>", "", source))


def test_nothing_is_loaded_from_another_host(site):
    for path in site.rglob("*.html"):
        loaded = re.findall(r'<(?:script|link|img|iframe)\b[^>]*(?:src|href)="(https?:[^"]+)"', path.read_text())
        assert not loaded, path.name


def test_headings_have_a_level_and_what_is_wide_is_reached_by_keys(site):
    for path in (site / "docs").rglob("*.html"):
        source = path.read_text(encoding="utf-8")
        assert 'role="heading">' not in source, path.name
        assert not re.findall(r'<pre>|<div class="table-wrapper[^"]*">', source), path.name


def test_every_key_of_the_manifest_is_on_its_page(site):
    found = (site / "docs/reference/manifest.html").read_text(encoding="utf-8")
    for definition in (schema(), *schema()["$defs"].values()):
        for key, value in definition["properties"].items():
            assert f">{key}</span>" in found, key
            assert value["description"]


def test_a_key_tells_what_it_takes(site):
    found = text_of(site, "docs/reference/manifest")
    for row in ("on-failure", "number from 1 to 65535", "duration", "map of text"):
        assert row in found
    assert "null, " not in found


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_on_its_page_with_its_usage(site, name):
    assert f"mamctl {name} " in text_of(site, "docs/reference/commands")


def test_every_endpoint_is_on_its_page(site):
    found = text_of(site, "docs/reference/endpoints")
    for path, methods in document()["paths"].items():
        for method in methods:
            assert f"{method.upper()} {path}" in found


def test_every_method_of_the_clients_is_on_its_page(site):
    found = (site / "docs/reference/python.html").read_text(encoding="utf-8")
    for name in ("Client.status", "AsyncClient.events", "ProcessManager.up", "ProcessManager.on", "TimedOut"):
        assert f'id="mamctl.{name}"' in found


def test_the_index_lists_every_page():
    listed = {
        str((path.parent / link).resolve().relative_to(ROOT))
        for path in (DOCS / "index.md", DOCS / "migrating" / "index.md")
        for link in links(path.read_text(encoding="utf-8"))
        if not link.startswith("http")
    }
    written = {str(path.relative_to(ROOT)) for path in (*DOCS.rglob("*.md"), *ROOT.glob("services/*/README.md"))}
    assert written - {"docs/index.md"} <= listed, "name the new page in docs/index.md"


def test_ours_stands_beside_theirs(site):
    for path in (DOCS / "migrating").glob("*.md"):
        beside = (site / f"docs/migrating/{path.stem}.html").read_text().count('class="side-by-side')
        assert beside == (path.stem != "index"), path.name


def test_drawings_are_made_without_a_script(site):
    found = (site / "docs/services.html").read_text(encoding="utf-8")
    assert 'class="flowchart"' in found
    assert "mermaid.js" not in found
    assert page("services.md").count("```mermaid") == found.count('class="flowchart"')
