"""The texts of --help: each has its purpose, its defaults, and examples that are true."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import click
import pytest

from mamctl.cli.app import MODULES, cli
from mamctl.cli.command import Command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Outcome

# What only units say is in no help.
VISIBLE = sorted(set(MODULES) - {"supervise"})
ENDS = {"|", "||", "&&", ";", ">", ">>", "&"}


def command(name: str) -> Command:
    with click.Context(cli) as context:
        found = cli.get_command(context, name)
    assert isinstance(found, Command)
    return found


def calls(example: str) -> Iterator[list[str]]:
    """Yield the words of each `mamctl ...` in a line of shell."""
    for inner in re.findall(r"\$\((mamctl [^)]*)\)", example):
        yield from calls(inner)
    words = shlex.shlex(re.sub(r"\$\(.*?\)", "", example), posix=True, punctuation_chars=True)
    words.whitespace_split = True
    line: list[str] = []
    for word in [*words, ";"]:
        if word not in ENDS:
            line.append(word)
            continue
        if "mamctl" in line:
            yield line[line.index("mamctl") + 1 :]
        line = []


@pytest.mark.parametrize("name", VISIBLE)
def test_there_are_two_to_four_examples_and_each_is_a_line_that_the_command_takes(name: str) -> None:
    examples = command(name).examples
    assert 2 <= len(examples) <= 4
    for example in examples:
        assert len(example) <= 78
        found = list(calls(example))
        assert found, example
        assert any(name in words for words in found), example
        for words in found:
            with cli.make_context("mamctl", [*words], obj={}) as context:
                told, sub, rest = cli.resolve_command(context, [*context._protected_args, *context.args])
                assert sub is not None
                sub.make_context(told, rest, parent=context).close()


@pytest.mark.parametrize("name", VISIBLE)
def test_a_help_begins_with_one_line_of_purpose_and_fits_80_columns(
    mamctl: Callable[..., Outcome], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = mamctl(name, "--help").out.splitlines()
    assert max(len(line) for line in lines) <= 80
    short = command(name).short_help or ""
    assert short.endswith(".")
    assert "\n" not in short
    assert lines[2].startswith("  ")


@pytest.mark.parametrize("name", VISIBLE)
def test_every_option_has_a_text_and_every_default_is_shown(name: str) -> None:
    for option in (param for param in command(name).params if isinstance(param, click.Option)):
        assert option.help, option.name
        if isinstance(option.default, str):
            assert option.show_default, option.name


def test_help_is_a_command_too(mamctl: Callable[..., Outcome]) -> None:
    assert mamctl("help", "up") == mamctl("up", "--help")
    assert mamctl("help", "ps") == mamctl("status", "--help")
    assert mamctl("help") == mamctl("--help")
    assert mamctl("help", "stauts") == (2, "", "error: no such command: stauts\nhint: did you mean `mamctl status`?\n")


# These hand what they do not know to the command that they run.
@pytest.mark.parametrize("name", sorted(set(VISIBLE) - {"run", "exec"}))
def test_an_unknown_option_is_an_error_with_a_hint(stack: Path, mamctl: Callable[..., Outcome], name: str) -> None:
    outcome = mamctl(name, "--zzqqxx")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.splitlines() == [
        "error: no such option: --zzqqxx",
        f"hint: `mamctl {name} --help` shows what it takes",
    ]


def test_an_option_that_is_nearly_right_is_named(stack: Path, mamctl: Callable[..., Outcome]) -> None:
    assert mamctl("up", "--detatch").err.splitlines() == [
        "error: no such option: --detatch",
        "hint: did you mean --detach?",
    ]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("wait", "--for", "soon"), "invalid value for '--for': 'soon' is not one of 'ready', 'stopped', 'completed'"),
        (("logs", "-n", "many"), "invalid value for '-n' / '--lines': 'many' is not a valid integer range"),
        (("logs", "-n"), "option '-n' requires an argument"),
        (("down", "extra"), "got unexpected extra argument (extra)"),
        (("run",), "missing argument 'TASK'"),
        (("completion",), "missing argument 'SHELL'. Choose from: bash, zsh, fish"),
        (("completion", "tcsh"), "invalid value for 'SHELL': 'tcsh' is not one of 'bash', 'zsh', 'fish'"),
        (("--color", "red", "status"), "invalid value for '--color': 'red' is not one of 'auto', 'always', 'never'"),
        (
            ("--host", "http://127.0.0.1:1", "init"),
            "`init` works on files of this machine, so it does not go with --host",
        ),
    ],
)
def test_a_wrong_word_is_told_in_one_line_with_a_hint(
    stack: Path, mamctl: Callable[..., Outcome], words: tuple[str, ...], error: str
) -> None:
    outcome = mamctl(*words)
    assert (outcome.code, outcome.out) == (2, "")
    first, second = outcome.err.splitlines()
    assert first == f"error: {error}"
    assert second.startswith("hint: ")
