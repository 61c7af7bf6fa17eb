"""docs/commands.md against the command line itself."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from mamctl.cli.app import MODULES, cli
from mamctl.core import errors
from tests.docs.pages import code, fences, page, sections, tables
from tests.docs.transcript import environment

PAGE = page("commands.md")
COMMANDS = {code(title)[0].split()[1]: (code(title)[0], body) for title, body in sections(PAGE, 3).items()}


def command(name):
    with click.Context(cli) as context:
        return cli.get_command(context, name)


# What only units say is in no help and on no page.
VISIBLE = [name for name in MODULES if not command(name).hidden]


def options(name):
    return [parameter for parameter in command(name).params if isinstance(parameter, click.Option)]


def value(option, written):
    """A default as the command sees it: seconds for a duration."""
    return option.type.convert(written, option, None)


def rows(name):
    body = COMMANDS[name][1]
    return tables(body)[0] if "| Option |" in body else []


def flags(cell):
    """The spellings of an option, without the name of its value."""
    return {word.split()[0] for word in code(cell)}


def test_every_command_has_its_section_and_no_other():
    assert set(COMMANDS) == set(VISIBLE)


@pytest.mark.parametrize("name", VISIBLE)
def test_every_option_is_in_the_table_and_no_other(name):
    real = {frozenset((*option.opts, *option.secondary_opts)) for option in options(name)}
    assert {frozenset(flags(row["Option"])) for row in rows(name)} == real


@pytest.mark.parametrize("name", VISIBLE)
def test_a_default_is_the_commands(name):
    by_flag = {option.opts[-1]: option for option in options(name)}
    for row in rows(name):
        option = next(by_flag[flag] for flag in flags(row["Option"]) if flag in by_flag)
        written = code(row["Default"])
        if written and option.default is not None:
            assert value(option, written[0]) == value(option, option.default)
        elif written:
            assert f"[default: {written[0]}]" in option.help
        else:
            assert not isinstance(option.default, str)


@pytest.mark.parametrize("name", VISIBLE)
def test_the_heading_shows_what_the_command_takes(name):
    usage, _ = COMMANDS[name]
    arguments = [found for found in command(name).params if isinstance(found, click.Argument)]
    words = usage.split()[2:]
    assert len(words) == len(arguments)
    for word, argument in zip(words, arguments, strict=True):
        assert (not word.startswith("[")) == argument.required
        assert word.endswith("...") == (argument.nargs == -1)


def test_global_options_are_those_of_the_group():
    listed = {flag for row in tables(PAGE)[0] for flag in flags(row["Global option"])}
    with click.Context(cli, help_option_names=cli.context_settings["help_option_names"]) as context:
        real = {flag for parameter in cli.get_params(context) for flag in parameter.opts}
    assert listed == real


def test_the_exit_codes_of_the_errors_are_listed_with_their_meaning():
    listed = {row["Code"]: row["Means"] for row in tables(sections(PAGE)["Exit codes"])[0]}
    assert "manifest" in listed[str(errors.ManifestError.exit_code)]
    assert "supervisor" in listed[str(errors.NoSupervisor.exit_code)]
    assert "Timed out" in listed[str(errors.TimedOut.exit_code)]
    assert "failed" in listed[str(errors.MamctlError.exit_code)]


def test_the_program_that_embeds_a_manifest_runs(tmp_path):
    (tmp_path / "services.yaml").write_text("services: {web: {command: [sleep, '100']}}\n")
    (example,) = (fence for fence in fences(PAGE) if fence.language == "python")
    done = subprocess.run(
        [sys.executable, "-c", example.text],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr, done.returncode) == ("web is ready\nall well\n", "", 0)
