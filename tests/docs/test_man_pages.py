"""docs/man: made from the texts of --help, and what man makes of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib

import pytest

from mamctl.cli.app import MODULES
from tests.docs.pages import ROOT

FOLDER = ROOT / "docs" / "man"
PAGES = sorted(path.name for path in FOLDER.glob("*.1"))


def text(name):
    return (FOLDER / name).read_text(encoding="utf-8")


def test_the_pages_are_those_that_the_script_writes(tmp_path):
    subprocess.run([sys.executable, str(ROOT / "scripts" / "man_pages.py"), str(tmp_path)], check=True, timeout=30)
    written = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert written == {name: text(name) for name in PAGES}, "say `make man`, and commit docs/man"


def test_every_command_that_people_type_has_its_page():
    assert {"mamctl.1", *(f"mamctl-{name}.1" for name in MODULES if name != "supervise")} == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_the_sections_that_people_look_for(name):
    sections = re.findall(r"^\.SH (.*)$", text(name), re.MULTILINE)
    assert sections[:4] == ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS"]
    assert "EXIT STATUS" in sections if name == "mamctl.1" else "EXAMPLES" in sections


@pytest.mark.parametrize("name", PAGES)
def test_no_line_is_taken_for_a_request_that_is_none(name):
    known = ('.\\"', ".TH ", ".SH ", ".PP", ".TP", ".B ", ".BR ", ".I ", ".nf", ".fi")
    for line in text(name).splitlines():
        assert not line.startswith("'")
        assert not line.startswith(".") or line.startswith(known)


def test_groff_has_nothing_to_complain_about():
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    files = [str(FOLDER / name) for name in PAGES]
    done = subprocess.run(
        ["groff", "-ww", "-man", "-Tutf8", "-z", *files], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_installing_brings_them():
    found = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    assert found == {"share/man/man1": ["docs/man/*.1"]}
