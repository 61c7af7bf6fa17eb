"""What every command is made of: its examples in the help, and the invocation that it is handed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mamctl.cli.invocation import Invocation

if TYPE_CHECKING:
    from collections.abc import Sequence


class Command(click.Command):
    """A click command with `examples`, one line each."""

    def __init__(self, *arguments: Any, examples: Sequence[str] = (), **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        super().format_epilog(ctx, formatter)
        if not self.examples:
            return
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")


pass_invocation = click.make_pass_decorator(Invocation)
