"""What every command is made of: its examples in the help, and the invocation that it is handed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mamctl.cli.invocation import Invocation
from mamctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


class Command(click.Command):
    """A click command with `examples`, one line each. `remote`: it needs only the API, so it goes with --host."""

    def __init__(self, *arguments: Any, examples: Sequence[str] = (), remote: bool = False, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.examples = examples
        self.remote = remote

    def invoke(self, ctx: click.Context) -> Any:
        """Run it. Raises UsageError for --host where the command works on files of this machine."""
        if not self.remote and isinstance(ctx.obj, Invocation) and ctx.obj.host:
            raise UsageError(
                f"`{self.name}` works on files of this machine, so it does not go with --host",
                "leave --host out, or run it over there",
            )
        return super().invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        super().format_epilog(ctx, formatter)
        if not self.examples:
            return
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")


pass_invocation = click.make_pass_decorator(Invocation)
