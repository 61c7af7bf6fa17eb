"""docs/import.md against the importers: each key that they represent is there, and each format has its section."""

from __future__ import annotations

from importlib import import_module

import pytest

from mamctl.convert.importing.files import LARGEST
from mamctl.convert.importing.reader import FORMATS
from mamctl.runtime.manifest import nodes
from tests.docs.pages import page, sections

PAGE = page("import.md")
TITLES = {
    "procfile": "Procfile",
    "supervisord": "supervisord",
    "compose": "docker compose",
    "process-compose": "process-compose",
    "pm2": "pm2",
    "circus": "circus",
    "systemd": "systemd",
}
RULES = {
    "supervisord": ["supervisord_rules.RULES"],
    "compose": ["compose_rules.RULES"],
    "process-compose": ["process_compose_rules.RULES"],
    "pm2": ["pm2_rules.RULES"],
    "circus": ["circus_rules.RULES"],
    "systemd": ["systemd_rules.UNIT_RULES", "systemd_rules.SERVICE_RULES"],
}


def test_every_format_has_its_section():
    assert set(TITLES) == set(FORMATS)
    assert set(TITLES.values()) <= set(sections(PAGE, 2))


@pytest.mark.parametrize("name", RULES)
def test_every_key_that_is_represented_is_on_the_page(name):
    body = sections(PAGE, 2)[TITLES[name]]
    for dotted in RULES[name]:
        module, _, table = dotted.partition(".")
        rules = getattr(import_module(f"mamctl.convert.importing.{module}"), table)
        assert [key for key in rules if f"`{key}" not in body] == []


def test_the_bounds_are_those_of_the_code():
    assert f"larger than {LARGEST >> 20} MiB" in PAGE
    assert f"{nodes.LARGEST:,} values" in PAGE
