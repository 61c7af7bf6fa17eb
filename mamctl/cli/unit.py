"""`mamctl supervise`: be the supervisor of this stack in the place of this process, as a unit of systemd or launchd."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from mamctl.cli import known
from mamctl.cli.command import Command, pass_invocation
from mamctl.core.errors import MamctlError, UsageError

if TYPE_CHECKING:
    from mamctl.cli.invocation import Invocation


@click.command(
    "supervise",
    cls=Command,
    hidden=True,
    short_help="Be the supervisor, in this process's place (for units).",
    examples=["mamctl -f /srv/mam/services.yaml supervise --profile ai"],
)
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    metavar="P",
    shell_complete=known.profiles,
    help="Also start what has this profile.",
)
@pass_invocation
def supervise_command(invocation: Invocation, profiles: tuple[str, ...]) -> int:
    """Become the guardian of this stack: it keeps this pid, tells systemd when all is ready to be asked, and ends last.

    What `mamctl install` writes into a unit; people say `mamctl up -d`.
    """
    from mamctl.runtime.launch import guardian_state, own_log, prepare
    from mamctl.runtime.rebirth import become

    place = invocation.place
    invocation.manifest()  # whatever is wrong with it is said here, where the unit's log shows it
    prepare(place)
    running = invocation.status()
    if running is not None and running["supervisor"]["guardian_pid"] is not None:
        raise UsageError(f"{running['name']} runs already, and not by this unit", "`mamctl down`, then start the unit")
    up = {"services": None, "profiles": list(profiles), "no_deps": False}
    state = guardian_state(place, {"place": list(place), "up": up, "foreground": False, "down": False}, {})
    log = own_log(os.path.join(place.logs, "mamctl.log"))
    for fd in (1, 2):
        os.dup2(log, fd)
    os.close(log)
    become(state)
    raise MamctlError("the supervisor could not be started", f"look at {place.logs}/mamctl.log")
