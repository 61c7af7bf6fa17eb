"""`mamctl help`: the help of a command, for those who type the word first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mamctl.cli.command import Command
from mamctl.core.errors import UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def _commands(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001 - click's signature
    group = ctx.find_root().command
    return [item for item in group.shell_complete(ctx.find_root(), incomplete) if not item.value.startswith("-")]


@click.command(
    "help",
    cls=Command,
    remote=True,
    short_help="Show the help of a command, or of all.",
    examples=["mamctl help", "mamctl help up"],
)
@click.argument("command", required=False, metavar="[COMMAND]", shell_complete=_commands)
@click.pass_context
def help_command(ctx: click.Context, command: str | None) -> int:
    """Show the help of a command: what it does, its options with their defaults, and examples."""
    root = ctx.find_root()
    group = root.command
    if command is None:
        click.echo(group.get_help(root))
        return 0
    assert isinstance(group, click.Group)
    found = group.get_command(root, command)
    if found is None:
        group.resolve_command(root, [command])
        raise UsageError(f"no such command: {command}")
    with click.Context(found, info_name=found.name, parent=root) as inner:
        click.echo(found.get_help(inner))
    return 0
