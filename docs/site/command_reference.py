"""Every command, from the texts of `--help`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from tables import code, table

from mamctl.cli.app import ALIASES, SECTIONS, cli

if TYPE_CHECKING:
    from collections.abc import Iterator


def text() -> str:
    """Return the options of all commands, then each command beneath the heading of its section."""
    with click.Context(cli, info_name="mamctl", help_option_names=["-h", "--help"]) as context:
        parts = ["## Options of all commands\n", _options(context)]
        for title, names in SECTIONS.items():
            parts += [f"## {title}\n", *(_command(context, name) for name in names)]
    return "\n".join(parts)


def _command(outer: click.Context, name: str) -> str:
    command = cli.get_command(outer, name)
    assert command is not None
    with click.Context(command, info_name=name, parent=outer, help_option_names=["-h", "--help"]) as context:
        usage = " ".join(["mamctl", name, *command.collect_usage_pieces(context)])
        parts = [f"(command-{name})=\n### mamctl {name}\n", f"```text\n{usage}\n```\n", _prose(command.help or "")]
        parts += [f"`mamctl {alias}` is the same.\n" for alias, meant in ALIASES.items() if meant == name]
        parts.append(_options(context))
        if examples := getattr(command, "examples", ()):
            parts.append("\n".join(["```sh", *examples, "```\n"]))
    return "\n".join(parts)


def _prose(help_text: str) -> str:
    return "\n".join(line.strip() for line in help_text.splitlines()).replace("<", "\\<") + "\n"


def _options(context: click.Context) -> str:
    return table(("Option", "Does"), _rows(context))


def _rows(context: click.Context) -> Iterator[tuple[str, str]]:
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
        if record and parameter.name != "help":
            yield code(record[0]), record[1].replace("[", "\\[").replace("<", "\\<")
