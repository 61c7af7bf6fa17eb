"""docs/export.md against the exporters, and the shipped stack through all of them."""

from __future__ import annotations

import pytest
import yaml

from mamctl.cli.export import TARGETS
from mamctl.cli.main import run
from mamctl.core.manifest.fields import SERVICE_FIELDS
from tests.docs.pages import ROOT, code, page, sections, tables

PAGE = page("export.md")
SECTIONS = sections(PAGE)


def test_every_target_is_listed_with_what_it_writes_and_where_its_secrets_go():
    assert [code(row["Target"])[0] for row in tables(PAGE)[0]] == list(TARGETS)
    assert [code(row["Target"])[0] for row in tables(SECTIONS["Secrets"])[0]] == list(TARGETS)


def test_the_keys_of_the_table_are_keys_of_a_service():
    named = {word for row in tables(SECTIONS["What becomes of what"])[0] for word in code(row["Key"])}
    assert named <= SERVICE_FIELDS.keys()


@pytest.mark.parametrize("target", TARGETS)
def test_the_shipped_stack_can_be_exported(target, tmp_path, monkeypatch, capsys):
    text = (ROOT / "services.yaml").read_text(encoding="utf-8")
    (tmp_path / "services.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    images = [word for name in yaml.safe_load(text)["services"] for word in ("--image", f"{name}=mam:1")]
    assert run(["export", target, *images], {"PATH": "/usr/bin:/bin"}) == 0
    assert "services.backend" in capsys.readouterr().out or target == "markdown"
