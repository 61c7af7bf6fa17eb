"""docs/manifest.md against the table that the parser reads by."""

from __future__ import annotations

import re

import pytest
import yaml

from mamctl.core.manifest.containers import OneOrMore
from mamctl.core.manifest.control import CONTROL, ControlWish
from mamctl.core.manifest.fields import (
    DEPENDENCY,
    ENV_FILE,
    LIMITS,
    LOGS,
    MANIFEST_FIELDS,
    PROBE,
    RESTART,
    SERVICE_FIELDS,
    STOP,
)
from mamctl.core.manifest.findings import Findings
from mamctl.core.manifest.forms import DESCRIPTOR, PREFERENCE, WATCHED
from mamctl.core.manifest.hook_shapes import HOOK, HOOKS, HookWish
from mamctl.core.manifest.model import HttpProbe, Limits, Logs, RestartPolicy, Stop
from mamctl.core.manifest.schedule_shapes import SCHEDULE
from mamctl.core.manifest.watching import Watch
from mamctl.core.manifest.wishes import DependencyWish, NamedFile, NotifyWish, ProbeWish, ServiceWish
from mamctl.runtime.manifest import load
from tests.docs.pages import code, fences, page, sections, tables

PAGE = page("manifest.md")
SECTIONS = {**sections(PAGE), **sections(PAGE, 3)}


def defaults_of(kind):
    """The default of each key of a record, by name."""
    if hasattr(kind, "_field_defaults"):
        return dict(kind._field_defaults)
    instance = kind()
    return {name: getattr(instance, name) for name in kind.__dataclass_fields__}


RECORDS = {
    "Top level": (MANIFEST_FIELDS, {}),
    "A service": (SERVICE_FIELDS, defaults_of(ServiceWish)),
    "Ports": (PREFERENCE.fields, {"fallback": "auto"}),
    "Dependencies": (DEPENDENCY.fields, defaults_of(DependencyWish)),
    "Probes": (PROBE.fields, defaults_of(ProbeWish) | {"status": HttpProbe.__init__.__defaults__[0]}),
    "Notify": (DESCRIPTOR.fields, defaults_of(NotifyWish)),
    "Restart": (RESTART.fields, defaults_of(RestartPolicy)),
    "Stop": (STOP.fields, defaults_of(Stop)),
    "Logs": (LOGS.fields, defaults_of(Logs)),
    "Limits": (LIMITS.fields, defaults_of(Limits)),
    "Watch": (WATCHED.fields, defaults_of(Watch)),
    "Schedule": (SCHEDULE.fields, {}),
    "Hooks": (HOOKS.fields, {}),
    "A hook": (HOOK.fields, defaults_of(HookWish)),
    "Control": (CONTROL.fields, defaults_of(ControlWish)),
    "Environment files": (ENV_FILE.fields, defaults_of(NamedFile)),
}
ROWS = [
    pytest.param(section, row, id=f"{section} {row['Key']}")
    for section in RECORDS
    for row in tables(SECTIONS[section])[0]
]


@pytest.mark.parametrize("section", RECORDS)
def test_every_key_is_in_its_table_and_no_other(section):
    fields, _ = RECORDS[section]
    assert {code(row["Key"])[0] for row in tables(SECTIONS[section])[0]} == fields.keys()


@pytest.mark.parametrize(("section", "row"), ROWS)
def test_a_default_is_the_codes(section, row):
    fields, defaults = RECORDS[section]
    key = code(row["Key"])[0]
    default = defaults.get(key)
    written = code(row["Default"])
    if not written:
        assert default in (None, "", (), {}), f"the code's default is {default!r}"
        return
    value = yaml.safe_load(written[0])
    found = Findings()
    assert fields[key].shape.read(value, (key,), found) == default
    assert not found.all


@pytest.mark.parametrize(("section", "row"), ROWS)
def test_the_words_that_a_type_lists_are_those_that_the_parser_takes(section, row):
    fields, _ = RECORDS[section]
    shape = fields[code(row["Key"])[0]].shape
    words = getattr(shape, "schemas", [{}])[0].get("enum")
    if words and not isinstance(shape, OneOrMore):
        assert code(row["Type"]) == words


@pytest.mark.parametrize("fence", [fence for fence in fences(PAGE) if fence.language == "yaml"])
def test_every_example_is_a_valid_manifest(fence, tmp_path):
    path = tmp_path / "services.yaml"
    services = "" if re.search("^services:", fence.text, re.MULTILINE) else "services: {x: {command: [x]}}\n"
    path.write_text(fence.text + services)
    assert load(str(path), environ={}).services
