"""`mamctl up`: bring the stack up, in the foreground or detached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mamctl.cli import known
from mamctl.cli.command import Command, pass_invocation
from mamctl.cli.detached import PATIENCE, begin, bring_up
from mamctl.cli.span import SPAN
from mamctl.core.errors import UsageError

if TYPE_CHECKING:
    from mamctl.cli.invocation import Invocation


@click.command(
    "up",
    cls=Command,
    remote=True,
    short_help="Bring the stack up in the right order.",
    examples=[
        "mamctl up",
        "mamctl up -d && curl localhost:5001",
        "mamctl up backend --profile ai",
        "mamctl up --exit-code-from tests",
    ],
)
@click.argument("services", nargs=-1, metavar="[SERVICE]...", shell_complete=known.services)
@click.option("-d", "--detach", is_flag=True, help="Leave it running, and come back when it has settled.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="With -d: wait for the outcome.")
@click.option("--timeout", type=SPAN, default=f"{PATIENCE:g}s", show_default=True, help="With -d: how long to wait.")
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    metavar="P",
    shell_complete=known.profiles,
    help="Also start what has this profile.",
)
@click.option("--no-deps", is_flag=True, help="Without what the named services depend on.")
@click.option("--reclaim", is_flag=True, help="First stop what this stack left and no journal knows any more.")
@click.option(
    "--exit-code-from",
    "exit_code_from",
    metavar="SERVICE",
    shell_complete=known.services,
    help="When this one has ended, stop everything and end with its exit code.",
)
@pass_invocation
def up_command(
    invocation: Invocation,
    services: tuple[str, ...],
    *,
    detach: bool,
    wait: bool,
    timeout: float,
    profiles: tuple[str, ...],
    no_deps: bool,
    reclaim: bool,
    exit_code_from: str | None,
) -> int:
    """Bring the stack up in the right order, or make a running one match its manifest again.

    In the foreground it streams states and logs until Ctrl-C stops everything in order.
    Keys: s status, r restart, ? help, q as Ctrl-C. On a running stack it observes: Ctrl-C detaches.
    With -d it waits until all has settled, shows the table and leaves the stack running;
    it ends with 0, 1 when something failed, 5 when it has not settled in time. --host implies -d.
    """
    if exit_code_from is not None and (detach or invocation.host):
        raise UsageError("--exit-code-from needs a run that ends: it cannot be detached", "leave out -d and --host")
    if reclaim:
        if invocation.host:
            raise UsageError("--reclaim looks at processes of this machine; --host is about another", "leave one out")
        _reclaim(invocation)
    body: dict[str, Any] = {"services": list(services) or None, "profiles": list(profiles), "no_deps": no_deps}
    if not detach and not invocation.host:
        from mamctl.cli.foreground import run_foreground

        return run_foreground(invocation, body, exit_code_from)
    if not wait:
        return begin(invocation, body)
    return bring_up(invocation, body, timeout)


def _reclaim(invocation: Invocation) -> None:
    """End what was started from here and is not in the journal: it was lost, or the disk was full."""
    from mamctl.runtime.orphans import end_orphans, find_unknown
    from mamctl.ui import words

    place = invocation.place
    ended = end_orphans(lambda: find_unknown(place.home, place.journal))
    if ended:
        invocation.tell([f"reclaimed: stopped what no journal knew: {words.names(ended, most=20)}"])
