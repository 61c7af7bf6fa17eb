"""Patterns mean what they mean in a .gitignore."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamctl.core.ignoring import Ignored
from mamctl.core.manifest.watching import ALWAYS_IGNORED

CASES = [
    (["*.pyc"], "a/b.pyc", True),
    (["*.pyc"], "a/b.py", False),
    (["build/"], "build/x", True),
    (["build/"], "a/build/b/x", True),
    (["build/"], "build", False),
    (["build"], "a/build", True),
    (["/docs"], "docs/x", True),
    (["/docs"], "a/docs/x", False),
    (["a/*.md"], "a/x.md", True),
    (["a/*.md"], "b/a/x.md", False),
    (["a/**/b"], "a/b", True),
    (["a/**/b"], "a/x/y/b", True),
    (["a/**"], "a/x/y", True),
    (["a/**"], "a", False),
    (["**/x"], "a/b/x", True),
    (["a?c"], "abc", True),
    (["a?c"], "a/c", False),
    (["x[0-9]"], "x5", True),
    (["x[!0-9]"], "x5", False),
    (["x[^0-9]"], "xa", True),
    (["x[]-]"], "x]", True),
    (["x[z-a]"], "xb", False),
    (["x[!z-a]"], "xb", True),
    (["a[!b]c"], "a/c", False),
    (["*.md", "!README.md"], "README.md", False),
    (["*.md", "!README.md"], "a/other.md", True),
    (["a/", "!a/x"], "a/x", True),
    ([" ", "!", "/"], "x", False),
    (["\\#x"], "#x", True),
    (["a.b"], "aXb", False),
    (["*"], "a/b", True),
    (["[+--]x"], "-x", True),
]


@pytest.mark.parametrize(("patterns", "path", "ignored"), CASES, ids=[f"{case[0]} {case[1]}" for case in CASES])
def test_a_pattern_ignores_what_it_names(patterns, path, ignored):
    assert Ignored(patterns).file(path) is ignored


@pytest.mark.parametrize(
    "path",
    [
        ".git/index", "src/__pycache__/a.cpython-311.pyc", "web/node_modules/x/index.js", "src/.app.py.swp", "app.py~",
        ".#app.py", "4913", "db.sqlite3", "db.sqlite3-journal", "out.log", ".mamctl/journal", "venv/lib/x.py",
    ],
)  # fmt: skip
def test_what_tools_and_editors_leave_is_ignored(path):
    assert Ignored(ALWAYS_IGNORED).file(path)


@pytest.mark.parametrize("path", ["app.py", "web/src/App.tsx", ".env", "data/seed.json", "logs/reader.py", "build/x"])
def test_sources_are_not_ignored(path):
    assert not Ignored(ALWAYS_IGNORED).file(path)


def test_a_bracket_that_is_not_closed_means_itself():
    assert Ignored(["x["]).file("x[")


@pytest.mark.parametrize(("path", "ignored"), [("a/__pycache__", True), ("__pycache__/a", True), ("a/b.py", False)])
def test_what_is_gone_may_have_been_a_folder(path, ignored):
    assert Ignored(ALWAYS_IGNORED).gone(path) is ignored


def test_a_usual_pattern_can_be_taken_back():
    assert not Ignored([*ALWAYS_IGNORED, "!*.db"]).file("fixtures.db")


PATTERNS = st.lists(st.text("ab*?/![]-.", min_size=1, max_size=6), min_size=1, max_size=3)


@given(PATTERNS, st.lists(st.text("ab.-", min_size=1, max_size=3), min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_any_pattern_can_be_read_and_any_path_be_asked(patterns, parts):
    Ignored(patterns).file("/".join(parts))


@pytest.mark.slow
def test_git_says_the_same(tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for patterns, path, ignored in CASES:
        (tmp_path / ".gitignore").write_text("\n".join(patterns) + "\n")
        asked = subprocess.run(
            ["git", "-C", str(tmp_path), "check-ignore", "-q", "--no-index", "--", path], check=False
        )
        assert (asked.returncode == 0) is ignored, (patterns, path)
