"""`mamctl down`: stop everything and the supervisor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mamctl.cli.command import Command, pass_invocation
from mamctl.cli.span import SPAN
from mamctl.cli.takedown import PATIENCE, take_down

if TYPE_CHECKING:
    from mamctl.cli.invocation import Invocation


@click.command(
    "down",
    cls=Command,
    remote=True,
    short_help="Stop everything, and leave nothing behind.",
    examples=["mamctl down", "mamctl down --timeout 5m"],
)
@click.option(
    "--timeout", type=SPAN, default=f"{PATIENCE:g}s", show_default=True, help="How long everything may take to stop."
)
@pass_invocation
def down_command(invocation: Invocation, *, timeout: float) -> int:
    """Stop everything in reverse order, and the supervisor; done means nothing is left.

    Ends with 0 when nothing is left (also when nothing ran), 1 when a process survived, 5 after the timeout.
    """
    return take_down(invocation, timeout)
