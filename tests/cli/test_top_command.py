"""`mamctl top` on a real terminal: what it needs, and that it gives the terminal back however it ends."""

from __future__ import annotations

import os
import re
import signal
import sys
from typing import TYPE_CHECKING

import pytest
from fake_supervisor import document, row
from terminal import Terminal

from mamctl.cli.main import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Outcome
    from fake_supervisor import FakeSupervisor

TOP = (sys.executable, "-m", "mamctl.cli.main", "top")


@pytest.fixture
def terminal(stack: Path) -> Iterator[Callable[..., Terminal]]:
    """Return what opens `mamctl top` on a terminal in the stack's folder; it is closed afterwards."""
    opened: list[Terminal] = []

    def opener(*words: str, **environ: str) -> Terminal:
        opened.append(Terminal([*TOP, *words], cwd=str(stack), environ={"HOME": str(stack), **environ}))
        return opened[-1]

    yield opener
    for one in opened:
        one.close()


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("q", 0),
        (signal.SIGTERM, 143),
        pytest.param("\x03", 0, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.slow),
    ],
)
def test_however_it_ends_the_terminal_is_as_before(
    supervisor: FakeSupervisor, terminal: Callable[..., Terminal], end: str | signal.Signals, code: int
) -> None:
    supervisor.document = document(row("web"), row("db"))
    top = terminal()
    top.expect("mam: .*all 2 ready")
    if isinstance(end, str):
        top.press(end)
    else:
        os.kill(top.process.pid, end)
    assert top.wait() == code
    assert top.modes() == top.before
    assert "\x1b[?1049l" in top.seen
    assert "\x1b[?1000l" in top.seen
    assert "Traceback" not in top.seen


def test_without_textual_it_says_what_to_install(
    stack: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [one for one in sys.modules if one.partition(".")[0] == "textual" or one.startswith("mamctl.tui")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "textual", None)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    assert run(["top"], {"HOME": str(stack), "PATH": os.environ["PATH"], "TERM": "xterm", "NO_COLOR": "1"}) == 1
    assert capsys.readouterr().err == (
        "error: `mamctl top` needs the package textual\nhint: pip install 'mamctl[tui]'\n"
    )


def test_it_is_refused_where_nothing_can_be_painted(stack: Path, mamctl: Callable[..., Outcome]) -> None:
    found = mamctl("top")
    assert found.code == 2
    assert "needs a terminal" in found.err
    assert "mamctl status --watch" in found.err


def test_what_nobody_has_is_told_before_anything_is_painted(
    supervisor: FakeSupervisor, mamctl: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor.document = document(row("web"))
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    found = mamctl("top", "wbe", TERM="xterm")
    assert found.code == 2
    assert "wbe" in found.err
    assert "500ms" in mamctl("top", "--every", "10ms", TERM="xterm").err


@pytest.mark.parametrize(("words", "environ"), [((), {"NO_COLOR": "1"}), (("--color", "never"), {})])
def test_without_colour_it_is_drawn_in_the_terminals_own_two(
    supervisor: FakeSupervisor, stack: Path, words: tuple[str, ...], environ: dict[str, str]
) -> None:
    supervisor.document = document(row("web"), row("db"))
    command = [sys.executable, "-m", "mamctl.cli.main", *words, "top"]
    top = Terminal(command, cwd=str(stack), environ={"HOME": str(stack), **environ})
    try:
        top.expect("mam: .*all 2 ready")
        top.press("q")
        assert top.wait() == 0
    finally:
        top.close()
    numbers = {int(one or 0) for codes in re.findall(r"\x1b\[([0-9;]*)m", top.seen) for one in codes.split(";")}
    # Bold, dim, reversed, underlined; nothing that is a colour.
    assert not numbers - {0, 1, 2, 4, 7, 39, 49}
