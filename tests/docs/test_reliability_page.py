"""docs/reliability.md: every promise names a test that exists."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT, code, page, tables

PROMISES = tables(page("reliability.md"))[0]


@pytest.mark.parametrize("row", PROMISES, ids=lambda row: code(row["Shown by"])[0].partition("::")[2])
def test_a_promise_is_shown_by_a_test_that_exists(row):
    path, _, name = code(row["Shown by"])[0].partition("::")
    assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
