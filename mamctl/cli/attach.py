"""`mamctl attach`: this terminal and that of a service are one, until somebody detaches or the service ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mamctl.cli import known
from mamctl.cli.command import Command, pass_invocation
from mamctl.cli.detachkeys import DEFAULT, DetachKeys, parse, spoken
from mamctl.core.errors import UsageError

if TYPE_CHECKING:
    from mamctl.cli.invocation import Invocation


@click.command(
    "attach",
    cls=Command,
    short_help="Connect this terminal with a service's own.",
    examples=["mamctl attach repl", "mamctl attach repl --detach-keys ctrl-]", "mamctl attach repl --no-stdin"],
)
@click.argument("service", metavar="SERVICE", shell_complete=known.terminals)
@click.option(
    "--detach-keys", metavar="KEYS", default=DEFAULT, show_default=True, help="What detaches: keys, commas between."
)
@click.option("--no-stdin", is_flag=True, help="Only look on: nothing is typed, and Ctrl-C detaches.")
@click.option("--no-tail", is_flag=True, help="Without what it has shown before.")
@pass_invocation
def attach_command(invocation: Invocation, service: str, *, detach_keys: str, no_stdin: bool, no_tail: bool) -> int:
    """Connect this terminal with that of a service, which has the key `tty: true`.

    Several may be attached: all see, all may type, and the size is that of who came or resized last. After detaching
    the service goes on. The exit code is 0 then; it is the service's own (128 + n for signal n) when that has ended.
    """
    from mamctl.cli.attached import Attached

    keys = DetachKeys(parse(detach_keys))
    _require_another(invocation, service)
    said = "Ctrl-C" if no_stdin else spoken(detach_keys)
    session = Attached(invocation, service, keys, types=not no_stdin, tail=not no_tail)
    invocation.tell([f"attached to {service}; {said} detaches"])
    with session:
        ending = session.run()
    invocation.tell([ending.word])
    return ending.code


def _require_another(invocation: Invocation, service: str) -> None:
    """Refuse a service's own terminal: all that it shows, it would be shown again, for ever."""
    from mamctl.runtime.environment import MARKER, home_tag

    if f"/{service}/{home_tag(invocation.place.home)}" in invocation.environ.get(MARKER, ""):
        raise UsageError(f"this is the terminal of {service} already", "attach from another one")
