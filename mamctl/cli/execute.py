"""`mamctl exec`: a command in the caller's own terminal, with the environment, folder and user of a service.

We become the command: its exit code, Ctrl-C, Ctrl-Z and the terminal are its own, and nobody stands between.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NoReturn

import click

from mamctl.cli import known
from mamctl.cli.asrun import manifest_as_run
from mamctl.cli.command import Command, pass_invocation
from mamctl.core.errors import MamctlError, UsageError
from mamctl.core.manifest.account import SAME
from mamctl.core.selection import families_of, select

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mamctl.cli.invocation import Invocation
    from mamctl.core.manifest.model import ServiceSpec

NOT_FOUND: Final = 127
NOT_RUN: Final = 126
# Python ignores these, and what is ignored is inherited.
_IGNORED_BY_PYTHON: Final = (signal.SIGPIPE, signal.SIGXFSZ)


class CommandError(MamctlError):
    """A command that cannot be run; `exit_code` is what a shell ends with then."""

    def __init__(self, message: str, hint: str, exit_code: int) -> None:
        super().__init__(message, hint)
        self.exit_code = exit_code


@click.command(
    "exec",
    cls=Command,
    short_help="Run a command as a service would be run.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    examples=[
        "mamctl exec backend -- env",
        "mamctl exec backend python manage.py shell",
        "mamctl exec backend -- sh -c 'echo $PORT'",
    ],
)
@click.argument("service", metavar="SERVICE", shell_complete=known.services)
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="[--] COMMAND...")
@pass_invocation
def exec_command(invocation: Invocation, service: str, words: tuple[str, ...]) -> int:
    """Run a command here with a service's environment, folder and user; its exit code is ours.

    The service need not run, nor a supervisor. The command is no part of the service: stopping that does not end it.
    """
    command = words[1:] if words[:1] == ("--",) else words
    if not command:
        raise UsageError("no command is given", f"`mamctl exec {service} -- env` shows the service's environment")
    manifest = manifest_as_run(invocation)
    names = select([service], manifest.services, families_of(manifest.services.values(), manifest.replicas))
    if len(names) != 1:
        raise UsageError(f"{service} means {len(names)} services: {', '.join(names)}", "name one that there is")
    _become(manifest.services[names[0]], manifest.name, command, invocation.environ)


def _become(spec: ServiceSpec, project: str, command: Sequence[str], inherited: Mapping[str, str]) -> NoReturn:
    """Turn this process into the command. Raises MamctlError."""
    from mamctl.runtime.environment import environment, new_instance

    # Its terminal is the caller's, whatever the service's own is.
    env = environment(replace(spec, tty=False), project, inherited, new_instance(project, spec.name, spec.cwd))
    argv = _as_its_user(spec, command, env)
    try:
        os.chdir(spec.cwd)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise MamctlError(f"the folder of {spec.name}, {spec.cwd}: {why}", f"check `cwd` of {spec.name}") from None
    sys.stdout.flush()
    sys.stderr.flush()
    for number in _IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvpe(argv[0], argv, env)  # noqa: S606 - the very command that was asked for, and no shell
    except OSError as error:
        raise _refused(command[0], spec, error) from None


def _as_its_user(spec: ServiceSpec, command: Sequence[str], env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the command as it is executed: with the words before it that make it the service's user's."""
    if spec.account == SAME:
        return tuple(command)
    from mamctl.core.states import Reason
    from mamctl.runtime.accounts import command_of
    from mamctl.runtime.launcher import LaunchError

    try:
        return command_of(spec, command, env)
    except LaunchError as error:
        code = NOT_FOUND if error.reason is Reason.COMMAND_NOT_FOUND else NOT_RUN
        raise CommandError(
            f"{spec.name}: {error.detail}", "`mamctl doctor` looks at users and programs", code
        ) from None


def _refused(program: str, spec: ServiceSpec, error: OSError) -> CommandError:
    if isinstance(error, FileNotFoundError):
        where = "in its folder" if "/" in program else "on its PATH"
        hint = f"`mamctl exec {spec.name} -- sh -c 'echo $PATH; pwd'` shows where it looks"
        return CommandError(f"{program}: no such command {where}", hint, NOT_FOUND)
    why = (error.strerror or str(error)).lower()
    return CommandError(f"{program} cannot be run: {why}", "is it a program, or a script with a #! line?", NOT_RUN)
