"""`mamctl top`: the dashboard in the terminal."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from mamctl.cli import known
from mamctl.cli.command import Command, pass_invocation
from mamctl.cli.span import SPAN
from mamctl.cli.status import narrowed
from mamctl.control.reach import token_of
from mamctl.core.errors import MamctlError, UsageError
from mamctl.ui.paint import paint_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mamctl.cli.invocation import Invocation

SOONEST: Final = 0.5


@click.command(
    "top",
    cls=Command,
    remote=True,
    short_help="Watch and operate the stack in a dashboard.",
    examples=["mamctl top", "mamctl top 'worker-*'", "mamctl --host http://10.0.0.7:7373 top"],
)
@click.argument("services", nargs=-1, metavar="[SERVICE]...", shell_complete=known.services)
@click.option("--every", type=SPAN, default="2s", show_default=True, help="How often figures are asked for.")
@click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal: it then selects text as ever.")
@pass_invocation
def top_command(invocation: Invocation, services: tuple[str, ...], *, every: float, no_mouse: bool) -> int:
    """Watch and operate the stack: services, live logs, events, dependencies; start, stop, restart, signal.

    `?` shows every key, q leaves. It waits for a supervisor when none runs, and for the next one when one is replaced.
    Needs the extra `tui`: pip install 'mamctl[tui]'.
    """
    streams = (sys.stdin, sys.stdout, sys.stderr)
    if not all(stream.isatty() for stream in streams) or invocation.environ.get("TERM") in (None, "", "dumb"):
        raise UsageError(
            "top needs a terminal that can be painted on", "`mamctl status --watch` and `mamctl logs -f` do not"
        )
    if every < SOONEST:
        raise UsageError("--every is less than 500ms", "what happens shows at once; only figures wait for it")
    _first_look(invocation, services)
    title = invocation.host or os.path.relpath(invocation.place.manifest)
    return asyncio.run(_show(invocation, title, services, every, mouse=not no_mouse))


def _first_look(invocation: Invocation, services: tuple[str, ...]) -> None:
    """Raise what is wrong from the beginning: names that nobody has, a supervisor elsewhere that lets nobody in."""
    found = invocation.status()
    if found is not None:
        narrowed(found, services)


async def _show(invocation: Invocation, title: str, services: tuple[str, ...], every: float, *, mouse: bool) -> int:
    try:
        from mamctl.tui.app import Dashboard
    except ModuleNotFoundError as missing:
        package = str(missing.name).partition(".")[0]
        raise MamctlError(f"`mamctl top` needs the package {package}", "pip install 'mamctl[tui]'") from None
    from mamctl.control.sdk_async import AsyncClient

    environ = invocation.environ
    token = token_of(environ) if invocation.host else None
    async with AsyncClient(invocation.host or invocation.place.socket, token=token) as client:
        dashboard = Dashboard(
            client,
            title=title,
            paint=paint_for(sys.stderr, "never", environ),
            seconds=every,
            narrow=lambda document: _chosen(document, services),
            colour=invocation.color == "always" or (invocation.color == "auto" and not environ.get("NO_COLOR")),
        )
        code = await dashboard.run_async(mouse=mouse)
    if dashboard.problem is not None:
        raise dashboard.problem
    return int(dashboard.return_code or 0) if code is None else code


def _chosen(document: Mapping[str, Any], services: tuple[str, ...]) -> Sequence[Mapping[str, Any]]:
    """Return the rows that were named; one that the manifest has no more is no reason to end."""
    try:
        rows: Sequence[Mapping[str, Any]] = narrowed(dict(document), services)["services"]
    except UsageError:
        return []
    return rows
