"""docs/install.md against the units that are written."""

from __future__ import annotations

import re

import pytest

from mamctl.convert.units.job import Job
from mamctl.convert.units.launchd import plist
from mamctl.convert.units.systemd import unit
from tests.docs.pages import code, page, sections, tables

PAGE = page("install.md")
JOB = Job("NAME", "/usr/bin/python3", "/srv/services.yaml")
SETTINGS = tables(sections(PAGE)["What stands in the unit"])[0]


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: code(row["Setting"])[0])
def test_a_setting_stands_in_the_unit_as_it_is_told(row):
    lines = unit(JOB).splitlines()
    for setting in code(row["Setting"]):
        assert setting in lines or ("=" not in setting and any(line.startswith(f"{setting}=") for line in lines))


def test_the_commands_behind_stop_and_reload_are_those_that_are_told():
    text = unit(JOB)
    assert re.search(r"^ExecStop=.* down ", text, re.MULTILINE)
    assert re.search(r"^ExecReload=.* up --detach ", text, re.MULTILINE)


def test_the_name_of_the_unit_is_the_one_that_is_told():
    assert "`systemctl start mamctl-NAME`" in PAGE


def test_the_keys_for_launchd_stand_in_the_property_list():
    for key in ("AbandonProcessGroup", "KeepAlive", "ExitTimeOut"):
        assert f"`{key}`" in PAGE
        assert f"<key>{key}</key>" in plist(JOB)
