"""`mamctl install` and `mamctl uninstall`: let systemd or launchd run this stack."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import click

from mamctl.cli import known
from mamctl.cli.command import Command, pass_invocation
from mamctl.core.errors import MamctlError

if TYPE_CHECKING:
    from mamctl.cli.initsystem import InitSystem
    from mamctl.cli.invocation import Invocation
    from mamctl.convert.units.job import Job, Scope


@click.command(
    "install",
    cls=Command,
    short_help="Let systemd or launchd run this stack from boot on.",
    examples=["mamctl install --print", "mamctl install --user --profile ai", 'sudo env "PATH=$PATH" mamctl install'],
)
@click.option("--user", "for_user", is_flag=True, help="A unit of this user, not of the system; needs no root.")
@click.option("--print", "only_print", is_flag=True, help="Write the unit to stdout and change nothing.")
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    metavar="P",
    shell_complete=known.profiles,
    help="Also start what has this profile.",
)
@pass_invocation
def install_command(invocation: Invocation, *, for_user: bool, only_print: bool, profiles: tuple[str, ...]) -> int:
    """Write a unit for this manifest, and enable it: the stack starts at boot, or with --user at login.

    Nothing is started now; the next command is named. A unit of the system runs as the user who says sudo,
    else as the owner of the manifest. Services get the PATH of this shell, and nothing else of it.
    """
    from mamctl.cli.initsystem import init_system
    from mamctl.cli.job import job_for, warnings
    from mamctl.runtime.ownership import is_owned

    scope = _scope(for_user)
    system = init_system(scope, invocation.environ)
    if not only_print:
        system.require()
    job, manifest = job_for(invocation.file, invocation.environ, scope=scope, profiles=profiles)
    _tell(invocation, warnings(job, manifest))
    if only_print:
        invocation.say([system.text(job).rstrip("\n")])
        return 0
    file = install(system, job)
    invocation.say([f"wrote and enabled {file}"])
    if is_owned(invocation.place.home) and not system.runs(file):
        _tell(invocation, ["it runs already, but not by its unit: `mamctl down` first"], what="hint")
    _tell(invocation, system.next_steps(file), what="hint")
    return 0


@click.command(
    "uninstall",
    cls=Command,
    short_help="Take back what `install` did.",
    examples=["mamctl uninstall --user", 'sudo env "PATH=$PATH" mamctl uninstall'],
)
@click.option("--user", "for_user", is_flag=True, help="The unit of this user, not of the system.")
@pass_invocation
def uninstall_command(invocation: Invocation, *, for_user: bool) -> int:
    """Stop the stack if its unit runs it, and take the unit away. Without one it ends with 0."""
    from mamctl.cli.initsystem import init_system
    from mamctl.runtime.ownership import is_owned

    system = init_system(_scope(for_user), invocation.environ)
    system.require()
    manifest = _manifest_of_old(invocation)
    removed = uninstall(system, manifest)
    invocation.say([f"stopped and removed {file}" for file in removed])
    if not removed:
        invocation.tell([f"there is no unit for {manifest}"])
    if os.path.exists(manifest) and is_owned(invocation.place.home):
        _tell(invocation, ["the stack runs on, not by a unit: `mamctl down` stops it"], what="note")
    return 0


def install(system: InitSystem, job: Job) -> str:
    """Write and enable the unit, and return its path; when that fails, all is as it was."""
    from mamctl.cli import unitfile

    file = system.file(job.name)
    unitfile.require_one_name(unitfile.written_among(system.files(), job.manifest), file)
    before = unitfile.require_ours(file, job.manifest)
    unitfile.write(file, system.text(job))
    try:
        system.enable(file)
    except MamctlError:
        with contextlib.suppress(MamctlError):
            unitfile.remove(file) if before is None else unitfile.write(file, before)
            system.forget()
        raise
    return file


def uninstall(system: InitSystem, manifest: str) -> list[str]:
    """Stop what the units of a manifest run, and take them away; return their paths."""
    from mamctl.cli import unitfile

    found = unitfile.written_among(system.files(), manifest)
    for file in found:
        system.disable(file)
        unitfile.remove(file)
        system.forget()
    return found


def _manifest_of_old(invocation: Invocation) -> str:
    """Return the manifest's path; one that is named need not exist any more, nor be valid."""
    from mamctl.cli.search import manifest_path

    if invocation.file and not os.path.exists(invocation.file):
        return os.path.abspath(invocation.file)
    return manifest_path(invocation.file, invocation.environ)


def _scope(for_user: bool) -> Scope:  # noqa: FBT001 - the value of the flag
    from mamctl.convert.units.job import Scope

    return Scope.USER if for_user else Scope.SYSTEM


def _tell(invocation: Invocation, lines: list[str], *, what: str = "warning") -> None:
    invocation.tell([f"{invocation.side_paint('note', f'{what}:')} {line}" for line in lines])
