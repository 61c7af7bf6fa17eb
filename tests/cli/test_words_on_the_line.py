from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fake_supervisor import document, row

from mamctl.cli.app import MODULES
from mamctl.cli.failure import explain
from mamctl.ui.paint import Paint

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Outcome
    from fake_supervisor import FakeSupervisor


@pytest.mark.parametrize("command", MODULES)
def test_every_command_has_help_with_examples(mamctl: Callable[..., Outcome], command: str) -> None:
    outcome = mamctl(command, "--help")
    assert outcome.code == 0
    assert f"Usage: mamctl {command}" in outcome.out
    assert "Examples:\n  mamctl " in outcome.out


# What only units say is in no help.
VISIBLE = set(MODULES) - {"supervise"}


def test_the_help_of_all_lists_every_command_in_its_section(mamctl: Callable[..., Outcome]) -> None:
    text = mamctl("--help").out
    assert all(f"\n  {command} " in text for command in VISIBLE)
    assert "Look before you leap:" in text


def test_every_summary_fits_whole_into_80_columns(
    mamctl: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = mamctl("--help").out.splitlines()
    told = {line.split()[0]: line for line in lines if line.startswith("  ") and line.split()[0] in MODULES}
    assert set(told) == VISIBLE
    assert all(line.endswith(".") and not line.endswith("...") for line in told.values()), told


@pytest.mark.parametrize(("command", "default"), [("up", "120s"), ("down", "60s"), ("wait", "60s"), ("stop", "120s")])
def test_a_default_time_is_shown_as_it_is_written(mamctl: Callable[..., Outcome], command: str, default: str) -> None:
    assert f"[default: {default}]" in mamctl(command, "--help").out


def test_without_words_the_help_is_shown_and_the_code_is_2(mamctl: Callable[..., Outcome]) -> None:
    outcome = mamctl()
    assert outcome.code == 2
    assert "Usage: mamctl" in outcome.err


def test_the_version_is_one_line(mamctl: Callable[..., Outcome]) -> None:
    assert mamctl("--version") == (0, "mamctl 0.1.0\n", "")


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (("stauts",), "no such command: stauts", "did you mean `mamctl status`?"),
        (("xyzzy",), "no such command: xyzzy", "`mamctl --help` lists the commands"),
        (("start",), "missing argument 'SERVICE...'", "`mamctl start --help` shows what it takes"),
        (("down", "--timeout", "soon"), "'soon' is not a duration", "`mamctl down --help` shows what it takes"),
        (("down", "--fast"), "no such option", "`mamctl down --help` shows what it takes"),
        (("status", "--watch", "--json"), "--watch repaints a table", "`mamctl events -f --json` streams"),
    ],
)
def test_a_wrong_word_is_an_error_and_a_hint(
    stack: Path, mamctl: Callable[..., Outcome], words: tuple[str, ...], error: str, hint: str
) -> None:
    outcome = mamctl(*words)
    assert (outcome.code, outcome.out) == (2, "")
    lines = outcome.err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("error: ")
    assert error.lower() in lines[0].lower()
    assert lines[1] == f"hint: {hint}"


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, which tracebacks are left in for the user."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_an_unexpected_exception_leaves_one_line_and_its_traceback_in_a_file(reports: Path) -> None:
    lines, code = explain(ZeroDivisionError("by zero"), Paint(enabled=False))
    assert code == 1
    assert lines[0] == "error: an unexpected ZeroDivisionError: by zero"
    path = lines[1].removeprefix("hint: the traceback is in ").split(";")[0]
    assert list(reports.iterdir()) == [Path(path)]
    assert "ZeroDivisionError: by zero" in Path(path).read_text()


def test_a_file_that_cannot_be_read_is_told_by_name(reports: Path) -> None:
    lines, code = explain(PermissionError(13, "Permission denied", "/x/services.yaml"), Paint(enabled=False))
    assert code == 1
    assert lines[0] == "error: /x/services.yaml: permission denied"
    assert str(reports) in lines[1]


def run_here(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "COLUMNS": "100", **environ}
    command = [sys.executable, "-m", "mamctl.cli.main", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, env=env, check=False)


def test_colour_is_only_for_terminals_unless_asked_for(supervisor: FakeSupervisor) -> None:
    supervisor.document = document(row("backend"))
    assert "\x1b" not in run_here("status").stdout
    assert "\x1b[32m● ready" in run_here("--color", "always", "status").stdout
    assert "\x1b" not in run_here("--color", "never", "status").stdout
    assert run_here("--color", "always", "stauts").stderr.startswith("\x1b[31merror:")
    assert run_here("--color=never", "stauts").stderr.startswith("error:")


def test_a_reader_that_leaves_early_causes_no_noise(supervisor: FakeSupervisor) -> None:
    supervisor.document = document(*(row(f"service-{number}") for number in range(2000)))
    for words in (["status"], ["status", "--json"], ["--color", "never", "status"]):
        command = [sys.executable, "-m", "mamctl.cli.main", *words]
        # Unbuffered, Python itself loses the error of a write that was cut short.
        env = {**os.environ, "PYTHONUNBUFFERED": ""}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        process.stderr.close()
        assert process.wait(20) == 141, words


def test_a_terminal_of_another_encoding_gets_plain_symbols(supervisor: FakeSupervisor) -> None:
    supervisor.document = document(row("backend"))
    done = run_here("status", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0
    assert "* ready" in done.stdout


def test_names_that_a_terminal_cannot_write_do_not_end_the_command(supervisor: FakeSupervisor) -> None:
    supervisor.document = document(row("backend", "failed", detail="caf\u00e9"))
    done = run_here("status", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 3
    assert "caf?" in done.stdout


def test_a_shell_can_ask_for_completions(stack: Path) -> None:
    done = run_here(_MAMCTL_COMPLETE="bash_complete", COMP_WORDS="mamctl sta", COMP_CWORD="1")
    assert done.stdout.split() == ["plain,start", "plain,status"]


def test_a_full_disk_is_no_fault_to_report() -> None:
    lines, code = explain(OSError(errno.ENOSPC, "No space left on device"), Paint(enabled=False))
    assert (lines, code) == (["error: no space left on device", "hint: make room, and say it again"], 1)
