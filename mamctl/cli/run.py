"""`mamctl run`: a task in the caller's own terminal, with its dependencies up."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from mamctl.cli import known
from mamctl.cli.aftermath import last_word
from mamctl.cli.asrun import manifest_as_run
from mamctl.cli.attendance import attend
from mamctl.cli.beginning import ensure_supervisor
from mamctl.cli.command import Command, pass_invocation
from mamctl.cli.span import SPAN
from mamctl.core.errors import MamctlError, NoSupervisor, UsageError
from mamctl.core.manifest.account import SAME
from mamctl.core.selection import families_of, select
from mamctl.runtime.history import last_seq
from mamctl.ui.progress import starting
from mamctl.ui.report import outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mamctl.cli.invocation import Invocation
    from mamctl.core.manifest.model import ServiceSpec

STOP_SECONDS: Final = 120.0


@click.command(
    "run",
    cls=Command,
    short_help="Run a task in this terminal, its dependencies up.",
    context_settings={"ignore_unknown_options": True},
    examples=["mamctl run migrate", "mamctl run import -- --dry-run media/", "mamctl run shell"],
)
@click.argument("task", metavar="TASK", shell_complete=known.tasks)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- ARGS...]")
@click.option("--timeout", type=SPAN, default="120s", show_default=True, help="How long its dependencies may take.")
@pass_invocation
def run_command(invocation: Invocation, task: str, arguments: tuple[str, ...], *, timeout: float) -> int:
    """Run a task's command here: its terminal is this one, and its exit code is ours (128 + n for signal n).

    What it depends on is started first; if no supervisor ran before, all of that is stopped again afterwards.
    """
    manifest = manifest_as_run(invocation)
    name = _one(select([task], manifest.services, families_of(manifest.services.values(), manifest.replicas)), task)
    spec = manifest.services[name]
    if not spec.argv:
        raise UsageError(f"{name} is {spec.kind}: it has no command to run", "`run` takes a task or a service")
    with _dependencies(invocation, spec, timeout):
        # Ports that were chosen only now are part of the task's environment.
        manifest = manifest_as_run(invocation)
        return _in_this_terminal(manifest.services[name], manifest.name, arguments, invocation.environ)


def _one(names: Sequence[str], task: str) -> str:
    """Return who is meant: there is one terminal. Raises UsageError."""
    if len(names) == 1:
        return names[0]
    if not names:
        raise UsageError(f"{task} has no replica now", f"`mamctl scale {task}=1` gives it one")
    raise UsageError(f"{task} means {len(names)} services, and this is one terminal", f"name one: {names[0]}")


@contextmanager
def _dependencies(invocation: Invocation, spec: ServiceSpec, timeout: float) -> Iterator[None]:
    """Have the dependencies up. Without any, no supervisor is needed."""
    names = list(spec.depends_on)
    if not names:
        yield
        return
    request: dict[str, Any] = {"services": names, "profiles": [], "no_deps": False, "wait": timeout}
    since = last_seq(invocation.place.events)
    started = ensure_supervisor(invocation, request, foreground=True)
    lease = started.lease if started else None
    # A supervisor that was started for this wants them already: only the outcome is asked for.
    request["only_wait"] = started is not None
    try:
        if not _are_up(invocation, request, since, timeout):
            raise MamctlError(f"what {spec.name} depends on is not up", "`mamctl events` shows why")
        yield
    finally:
        if lease is not None:
            with lease:
                _stop_again(invocation)


def _are_up(invocation: Invocation, request: Mapping[str, Any], since: int, timeout: float) -> bool:
    try:
        report = attend(invocation, "/v1/up", dict(request), timeout, starting)
    except (NoSupervisor, EOFError, ConnectionError):
        # A supervisor that had only tasks to run leaves when they are done; its last word says how it went.
        ending = last_word(invocation.place, since)
        return ending is not None and ending.get("code") == 0
    if not report["ok"]:
        invocation.tell(outcome(report, invocation.side_width, invocation.side_paint))
    return bool(report["ok"])


def _stop_again(invocation: Invocation) -> None:
    from mamctl.cli.takedown import bring_down

    try:
        bring_down(invocation, STOP_SECONDS)
    except NoSupervisor:
        # A foreground supervisor ends by itself once nothing is left to run.
        return


def _in_this_terminal(spec: ServiceSpec, project: str, arguments: Sequence[str], inherited: Mapping[str, str]) -> int:
    """Run the command as our child in our own process group, so that the terminal's signals are its own."""
    from mamctl.runtime.environment import environment, new_instance

    env = environment(spec, project, inherited, new_instance(project, spec.name, spec.cwd))
    argv = _command(spec, [*spec.argv, *arguments], env)
    with _patient():
        try:
            child = subprocess.Popen(argv, cwd=spec.cwd, env=env)
        except FileNotFoundError:
            missing = spec.cwd if not os.path.isdir(spec.cwd) else argv[0]
            raise MamctlError(
                f"{spec.name} cannot be run: {missing} was not found", f"check `command` and `cwd` of {spec.name}"
            ) from None
        except OSError as error:
            raise MamctlError(
                f"{spec.name} cannot be run: {argv[0]}: {(error.strerror or str(error)).lower()}"
            ) from None
        with _passed_on(child):
            code = child.wait()
    return code if code >= 0 else 128 - code


def _command(spec: ServiceSpec, argv: list[str], env: Mapping[str, str]) -> Sequence[str]:
    """Return the command as it is executed: as the service's own user, if it has one."""
    if spec.account == SAME:
        return argv
    from mamctl.runtime.accounts import command_of
    from mamctl.runtime.launcher import LaunchError

    try:
        return command_of(spec, argv, env)
    except LaunchError as error:
        raise MamctlError(f"{spec.name} cannot be run: {error.detail}", f"check `user` of {spec.name}") from None


@contextmanager
def _patient() -> Iterator[None]:
    """Survive Ctrl-C and the quit key: the terminal sends them to the task as well, and that is what counts."""
    before = {number: signal.signal(number, _nothing) for number in (signal.SIGINT, signal.SIGQUIT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _passed_on(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Hand TERM and HUP, which come to us alone, on to the task."""

    def hand_on(number: int, _frame: object) -> None:
        child.send_signal(number)

    before = {number: signal.signal(number, hand_on) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _nothing(_number: int, _frame: object) -> None:
    """Do nothing: a handler, unlike ignoring, is not inherited by the task."""
