"""docs/watching.md against the code."""

from __future__ import annotations

import pytest

from mamctl.core import rerun
from mamctl.core.manifest.watching import ALWAYS_IGNORED, Watch
from mamctl.runtime.filewatch import burst, eyes
from mamctl.runtime.filewatch.survey import MOST_FOLDERS
from mamctl.runtime.manifest import load
from tests.docs.pages import fences, page, sections

PAGE = page("watching.md")
SECTIONS = sections(PAGE)


def test_the_patterns_that_always_hold_are_the_codes():
    (listed,) = fences(SECTIONS["What is ignored"])
    assert tuple(listed.text.split()) == ALWAYS_IGNORED


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("What a change does", f"at most {burst.PATIENCE} times as long"),
        ("What a change does", f"When {rerun.MOST} times in a row"),
        ("What a change does", f"in the first {rerun.HASTE:g} s after"),
        ("Limits", f"within {eyes.STEP} ms"),
        ("Limits", f"at most {MOST_FOLDERS} folders"),
        ("Limits", f"more than {eyes.SHARE:.0%} of".replace("%", " %")),
    ],
)
def test_numbers_in_the_prose_are_the_codes(section, words):
    assert words in SECTIONS[section].replace("\n", " ")


def test_the_example_is_a_valid_manifest(tmp_path):
    (example,) = (fence for fence in fences(PAGE) if fence.language == "yaml")
    path = tmp_path / "services.yaml"
    path.write_text(example.text)
    services = load(str(path), environ={}).services
    assert services["api"].watch == Watch((str(tmp_path / "backend"),))
    assert services["web"].watch == Watch(
        (str(tmp_path / "web/src"), str(tmp_path / "web/package.json")), ("*.test.js", "dist/"), 0.5
    )
