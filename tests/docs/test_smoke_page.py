"""docs/smoke.md against the table of the steps' keys, the parser and the command."""

from __future__ import annotations

import dataclasses

import pytest
import yaml

from mamctl.cli.scoreboard import TAIL_LINES
from mamctl.core.manifest.containers import OneOrMore
from mamctl.core.manifest.findings import Findings
from mamctl.core.manifest.step_fields import (
    EXEC,
    EXPECT,
    HTTP,
    SMOKE_STEP,
    WEBSOCKET,
    ExecWish,
    ExpectWish,
    HttpWish,
    StepWish,
    WebSocketWish,
)
from mamctl.runtime.manifest import load
from mamctl.runtime.smoke.http import LARGEST
from mamctl.runtime.smoke.result import Result
from mamctl.runtime.smoke.websocket import MOST
from tests.docs.pages import ROOT, code, fences, page, sections, tables

PAGE = page("smoke.md")
SECTIONS = {**sections(PAGE), **sections(PAGE, 3)}
RECORDS = {
    "A step": (SMOKE_STEP, StepWish),
    "http": (HTTP, HttpWish),
    "exec": (EXEC, ExecWish),
    "websocket": (WEBSOCKET, WebSocketWish),
    "expect": (EXPECT, ExpectWish),
}
ROWS = [
    pytest.param(section, row, id=f"{section} {row['Key']}")
    for section in RECORDS
    for row in tables(SECTIONS[section])[0]
]


@pytest.mark.parametrize("section", RECORDS)
def test_every_key_is_in_its_table_and_no_other(section):
    record, _ = RECORDS[section]
    assert [code(row["Key"])[0] for row in tables(SECTIONS[section])[0]] == list(record.fields)


@pytest.mark.parametrize(("section", "row"), ROWS)
def test_a_default_is_the_codes(section, row):
    record, wish = RECORDS[section]
    key = code(row["Key"])[0]
    default = wish._field_defaults[key]
    if not (written := code(row["Default"])):
        assert default in (None, {}, ExpectWish()), f"the code's default is {default!r}"
        return
    found = Findings()
    assert record.fields[key].shape.read(yaml.safe_load(written[0]), (key,), found) == default


@pytest.mark.parametrize(("section", "row"), ROWS)
def test_the_words_that_a_type_lists_are_those_that_the_parser_takes(section, row):
    record, _ = RECORDS[section]
    shape = record.fields[code(row["Key"])[0]].shape
    words = getattr(shape, "schemas", [{}])[0].get("enum")
    if words and not isinstance(shape, OneOrMore):
        assert code(row["Type"]) == words


@pytest.mark.parametrize("fence", [fence for fence in fences(PAGE) if fence.language == "yaml"])
def test_every_example_is_a_valid_manifest(fence, tmp_path):
    path = tmp_path / "services.yaml"
    path.write_text(fence.text)
    assert len(load(str(path), environ={}).smoke) >= 3


def test_the_shipped_stack_has_as_many_steps_as_it_says():
    steps = load(str(ROOT / "services.yaml"), environ={"PATH": ""}).smoke
    assert f"{len(steps)} of them" in PAGE
    assert len(steps) >= 12
    assert {step.service for step in steps} >= {"backend", "frontend", "api", "django", "lmstudio", "agent"}


def test_bounds_and_fields_are_the_codes():
    assert f"{LARGEST >> 20} MiB" in PAGE
    assert f"last {MOST:,} messages" in PAGE
    assert f"last {TAIL_LINES} lines" in PAGE
    rows = {tuple(code(row["Field"])): row for row in tables(SECTIONS["What it tells"])[0]}
    fields = {field.name for field in dataclasses.fields(Result)} | {"services"}
    assert set(code(rows[("steps",)][""])) == fields
