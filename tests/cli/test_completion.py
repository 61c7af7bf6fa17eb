"""Completion as a person meets it: through real shells, which ask the real program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import click
import pytest
from fake_supervisor import document, row
from terminal import Terminal

from mamctl.cli.app import MODULES, cli
from mamctl.cli.completion import answer
from mamctl.cli.shells import SCRIPTS
from mamctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from conftest import Outcome
    from fake_supervisor import FakeSupervisor

HEAVY = ("rich", "asyncio", "psutil", "httpx", "h11", "mamctl.runtime.manifest", "mamctl.core.manifest.model")
STACK = """\
name: mam
include: [more.yaml]
services:
  migrate: {kind: task, command: [python3, -c, pass]}
  seed: {kind: task, command: [python3, -c, pass], profiles: [demo]}
  backend: {command: [sleep, "60"], depends_on: [migrate], profiles: [ai, demo]}
  worker: {command: [sleep, "60"], replicas: 2}
  repl: {command: [python3], tty: true}
"""


@pytest.fixture
def names(stack: Path) -> Path:
    """Write a manifest with services of every kind."""
    (stack / "services.yaml").write_text(STACK)
    (stack / "more.yaml").write_text("services: {db: {command: [sleep, '60']}}\n")
    (stack / "services.override.yaml").write_text("services: {debugger: {command: [sleep, '60']}}\n")
    return stack


@pytest.fixture
def complete(mamctl: Callable[..., Outcome]) -> Callable[..., list[str]]:
    """Return what bash would offer for a line; the last word is the one that is typed."""

    def ask(*words: str) -> list[str]:
        line = {"COMP_WORDS": "\n".join(("mamctl", *words)), "COMP_CWORD": str(len(words))}
        outcome = mamctl(_MAMCTL_COMPLETE="bash_complete", **line)
        assert (outcome.code, outcome.err) == (0, "")
        return [found.partition(",")[2] for found in outcome.out.splitlines()]

    return ask


def test_commands_and_options_are_completed(stack: Path, complete: Callable[..., list[str]]) -> None:
    assert complete("sta") == ["start", "status"]
    assert "supervise" not in complete("")
    assert complete("up", "--det") == ["--detach"]
    assert complete("--col") == ["--color"]
    assert complete("--color", "a") == ["auto", "always"]


def test_values_of_options_are_completed(names: Path, complete: Callable[..., list[str]]) -> None:
    assert complete("wait", "--for", "") == ["ready", "stopped", "completed"]
    assert complete("wait", "--for", "=") == ["ready", "stopped", "completed"]
    assert complete("wait", "--for", "=", "st") == ["stopped"]
    assert complete("wait", "--for=st") == ["--for=stopped"]
    assert complete("up", "--profile", "") == ["demo", "ai"]
    assert complete("completion", "") == ["bash", "zsh", "fish"]


def test_without_a_supervisor_the_names_are_those_of_the_manifest(
    names: Path, complete: Callable[..., list[str]]
) -> None:
    found = complete("start", "")
    assert sorted(found) == sorted(
        ["db", "migrate", "seed", "backend", "worker", "worker-1", "worker-2", "repl", "debugger"]
    )
    assert complete("start", "worker-") == ["worker-1", "worker-2"]
    assert complete("start", "backend", "b") == []


def test_each_command_offers_only_what_it_can_use(names: Path, complete: Callable[..., list[str]]) -> None:
    assert complete("run", "") == ["migrate", "seed"]
    assert complete("attach", "") == ["repl"]
    assert complete("scale", "") == ["worker="]
    assert complete("help", "re") == ["restart", "reexec"]


def test_a_running_supervisor_knows_best(
    supervisor: FakeSupervisor, names: Path, complete: Callable[..., list[str]]
) -> None:
    supervisor.document = document(
        row("web-1", service="web"), row("web-2", service="web"), row("job", kind="task"), row("repl", tty=True)
    )
    assert complete("stop", "") == ["web", "web-1", "web-2", "job", "repl"]
    assert complete("attach", "") == ["repl"]
    assert complete("run", "") == ["job"]
    assert complete("scale", "") == ["web="]


def test_the_named_manifest_is_the_one_that_counts(
    names: Path, complete: Callable[..., list[str]], tmp_path: Path
) -> None:
    (tmp_path / "other.yaml").write_text("services: {only: {command: [sleep, '1']}}\n")
    assert complete("-f", "other.yaml", "start", "") == ["only"]
    (tmp_path / "other.toml").write_text('[services.told]\ncommand = ["sleep", "1"]\n')
    assert complete("--file", "=", "other.toml", "start", "") == ["told"]


def test_a_manifest_that_is_being_edited_still_has_names(stack: Path, complete: Callable[..., list[str]]) -> None:
    (stack / "services.yaml").write_text("name: mam\nservices:\n  web:\n    command: [a\n  db: {\n")
    assert complete("start", "") == ["web", "db"]


@pytest.mark.parametrize(
    "text", ["", "[]", "services: 3", "services: {web: null}", "\x00", "services: {a: {replicas: x}}"]
)
def test_nothing_that_is_wrong_disturbs_who_types(stack: Path, complete: Callable[..., list[str]], text: str) -> None:
    (stack / "services.yaml").write_text(text)
    assert isinstance(complete("start", ""), list)
    assert complete("--host", "not-a-url", "start", "x") == []
    assert complete("nonsense", "") == []
    assert complete("up", "--no-such-option", "x") == []


def test_a_foreign_wish_is_an_error_with_a_hint(stack: Path) -> None:
    with pytest.raises(UsageError, match="_MAMCTL_COMPLETE is 'tcsh_source'"):
        answer("tcsh_source", cli, {})


def test_a_completion_imports_nothing_heavy(names: Path) -> None:
    program = (
        "import os, sys\n"
        "from mamctl.cli.main import run\n"
        "run([], os.environ)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    line = {"COMP_WORDS": "mamctl start ", "COMP_CWORD": "2", "_MAMCTL_COMPLETE": "bash_complete"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **line},
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert "plain,backend" in done.stdout
    assert done.stderr.strip() == "[]"


FREE = {"arguments", "words", "timeout", "since", "lines", "pattern", "host", "detach_keys", "every"}


@pytest.mark.parametrize("name", MODULES)
def test_every_word_that_a_command_takes_is_completed_or_is_known_to_be_free(name: str) -> None:
    with click.Context(cli) as context:
        command = cli.get_command(context, name)
    assert command is not None
    for param in command.params:
        told = isinstance(param.type, click.Choice) or param.name in FREE or getattr(param, "is_flag", False)
        assert told or param._custom_shell_complete is not None, f"{name} {param.name}: shell_complete= is missing"


class Shell(NamedTuple):
    """How a shell completes one line without a person."""

    program: str
    script: str


TRY = {
    "bash": Shell(
        "bash",
        'eval "$(mamctl completion bash)"; COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); '
        '_mamctl_completion mamctl; printf "%s\\n" "${COMPREPLY[@]}"',
    ),
    "fish": Shell("fish", 'mamctl completion fish | source; complete -C (string join " " -- $argv)'),
}


def in_shell(shell: str, folder: Path, *words: str) -> list[str]:
    program, script = TRY[shell]
    first = ["--no-config", "-c", script] if shell == "fish" else ["--norc", "-c", script, "bash"]
    env = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "HOME": str(folder)}
    done = subprocess.run(
        [program, *first, *words], cwd=folder, env=env, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stderr == ""
    return [line.partition("\t")[0] for line in done.stdout.splitlines()]


@pytest.fixture
def program(names: Path) -> Path:
    """Put a `mamctl` on the PATH of the folder."""
    (names / "bin").mkdir()
    (names / "bin" / "mamctl").write_text(f'#!/bin/sh\nexec {sys.executable} -m mamctl "$@"\n')
    (names / "bin" / "mamctl").chmod(0o755)
    return names


def require(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed: `make shells` does it")


@pytest.mark.parametrize("shell", TRY)
def test_a_real_shell_completes_names_and_values(program: Path, shell: str) -> None:
    require(shell)
    assert in_shell(shell, program, "mamctl", "sta") == ["start", "status"]
    assert in_shell(shell, program, "mamctl", "run", "mi") == ["migrate"]
    assert in_shell(shell, program, "mamctl", "wait", "--for", "co") == ["completed"]


def test_bash_completes_what_it_parted_at_an_equals_sign_and_files(program: Path) -> None:
    assert in_shell("bash", program, "mamctl", "wait", "--for", "=", "co") == ["completed"]
    assert in_shell("bash", program, "mamctl", "-f", "more") == ["more.yaml"]


def typed(command: Sequence[str], folder: Path, keys: str, expected: str, **environ: str) -> None:
    """Type into an interactive shell and see the line that Tab makes of it."""
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    shell = Terminal(command, cwd=str(folder), environ={"HOME": str(folder), "PATH": path, **environ})
    try:
        shell.expect("ready>")
        shell.press(keys)
        shell.expect(expected)
    finally:
        shell.close()


def test_tab_completes_at_a_bash_prompt(program: Path) -> None:
    (program / "rc").write_text('eval "$(mamctl completion bash)"; PS1="ready> "\n')
    typed(["bash", "--noprofile", "--rcfile", "rc", "-i"], program, "mamctl stop back\t!", "mamctl stop backend !")


def test_tab_completes_at_a_zsh_prompt(program: Path) -> None:
    require("zsh")
    (program / ".zshrc").write_text(
        'autoload -U compinit; compinit -u -D; eval "$(mamctl completion zsh)"; PS1="ready> "\n'
    )
    typed(["zsh", "-d", "-i"], program, "mamctl stop back\t!", r"back(?!\x07)\W*end\W*!", ZDOTDIR=str(program))


@pytest.mark.parametrize("shell", SCRIPTS)
def test_a_script_has_no_mistake_of_syntax(shell: str) -> None:
    require(shell)
    done = subprocess.run([shell, "-n"], input=SCRIPTS[shell], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (0, "")
