"""Every shell example of the documentation is run, and prints what the page shows."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.docs.pages import DOCS, fences, page, pages, sections
from tests.docs.transcript import Transcript, plain, same, steps

TROUBLES = {
    title: body
    for title, body in sections(page("troubleshooting.md")).items()
    if any(fence.language == "console" for fence in fences(body))
}
# Blocks `sh` are not run: they need docker, root, a clone to install from, or bring the shipped stack up on its ports.
ELSEWHERE = {"README.md", "containers.md", "install.md", "services.md", "smoke.md", "stack.md"}
# Each is run whole, in one folder. Whoever writes a page with a `console` block has nothing else to do.
GUIDES = [
    path
    for path in pages()
    if path.name not in ("quickstart.md", "troubleshooting.md")
    and any(fence.language == "console" for fence in fences(path.read_text(encoding="utf-8")))
]


def differences(text, folder):
    """The commands that print something else than the page shows."""
    folder.mkdir()
    return [
        f"$ {command}\n--- the page\n{shown}\n--- the command\n{printed}"
        for command, shown, printed in Transcript(fences(text), folder).run()
        if not same(shown, printed)
    ]


def test_the_quickstart_does_what_it_says(tmp_path):
    assert not (found := differences(page("quickstart.md"), tmp_path / "shop")), "\n\n".join(found)


@pytest.mark.parametrize("title", TROUBLES)
def test_a_trouble_looks_as_it_is_told(title, tmp_path):
    assert not (found := differences(TROUBLES[title], tmp_path / "shop")), "\n\n".join(found)


@pytest.mark.system
@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.relative_to(DOCS.parent).as_posix())
def test_the_examples_of_a_guide_do_what_they_say(path):
    if "$ curl " in path.read_text(encoding="utf-8") and shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    # A short path: the socket of a stack that lies deeper is elsewhere than the pages say.
    with TemporaryDirectory() as folder:
        assert not (found := differences(path.read_text(encoding="utf-8"), Path(folder) / "shop")), "\n\n".join(found)


def test_the_guides_have_examples():
    names = {path.relative_to(DOCS).as_posix() for path in GUIDES}
    migrating = {
        f"migrating/{name}.md" for name in ("docker-compose", "honcho", "pm2", "process-compose", "supervisord")
    }
    assert names >= {"index.md", "ci.md", "containers.md", "install.md", *migrating}


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_commands_that_nobody_can_run_in_a_test_stand_only_where_that_is_so(path):
    shown = [
        fence.text for fence in fences(path.read_text(encoding="utf-8")) if fence.language in ("sh", "bash", "shell")
    ]
    assert not shown or path.name in ELSEWHERE


def test_commands_are_told_from_what_they_print():
    assert steps("$ a b\none\ntwo\n$ c\n") == [("a b", "one\ntwo\n"), ("c", "")]


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("pid 12, up 0s", "pid 4711, up 12s"),
        ("web  ● ready  12  0.3%\n", "web ● ready 4711   66%"),
        ("1 ready in 0.85 s", "1 ready in 12 ms"),
        ("started just now", "started just now"),
        ("user you, started just now", "user root, started 3 s ago"),
        ("next run at 2026-11-22 03:00", "next run at 03:00"),
        ("can't open ...", "can't open /tmp/x: no such file"),
    ],
)
def test_amounts_and_spaces_may_differ(shown, printed):
    assert same(shown, printed)


@pytest.mark.parametrize(("shown", "printed"), [("ready", "failed"), ("a ...", "b c"), ("", "a"), ("2 jobs", "jobs")])
def test_words_may_not_differ(shown, printed):
    assert not same(shown, printed)


def test_plain_text_keeps_names():
    assert plain("web-1  has 3 MB") == "web-N has N"
