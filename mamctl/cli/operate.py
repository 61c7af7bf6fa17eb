"""`mamctl start`, `stop` and `restart`: change some services and wait for the outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from mamctl.cli import known
from mamctl.cli.attendance import MARGIN, attend
from mamctl.cli.command import Command, pass_invocation
from mamctl.cli.families import families_in
from mamctl.cli.span import SPAN
from mamctl.cli.verdict import exit_code
from mamctl.core.selection import is_glob, select
from mamctl.ui import progress
from mamctl.ui.report import outcome, stop_notes, told_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mamctl.cli.invocation import Invocation

_TIMEOUT = click.option("--timeout", type=SPAN, default="120s", show_default=True, help="How long to wait.")


@click.command(
    "start",
    cls=Command,
    remote=True,
    short_help="Start services and what they depend on.",
    examples=["mamctl start backend", "mamctl start 'worker-*' --timeout 5m"],
)
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...", shell_complete=known.services)
@_TIMEOUT
@pass_invocation
def start_command(invocation: Invocation, services: tuple[str, ...], *, timeout: float) -> int:
    """Start services and what they depend on, and wait until they are ready."""
    return _tell(invocation, _each(invocation, "start", services, timeout), services)


@click.command(
    "stop",
    cls=Command,
    remote=True,
    short_help="Stop services, and nothing else.",
    examples=["mamctl stop agent", "mamctl stop agent api"],
)
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...", shell_complete=known.services)
@_TIMEOUT
@pass_invocation
def stop_command(invocation: Invocation, services: tuple[str, ...], *, timeout: float) -> int:
    """Stop services, and nothing else; running dependants are named."""
    reports = _each(invocation, "stop", services, timeout)
    running = {row["name"] for row in reports[-1]["status"]["services"] if row["pid"] is not None}
    dependants = {name for report in reports for name in report.get("running_dependants") or []}
    survivors = [one for report in reports for one in report.get("survivors") or []]
    left = {"running_dependants": sorted(dependants & running), "survivors": survivors}
    invocation.tell(stop_notes(left, invocation.side_paint))
    return _tell(invocation, reports)


@click.command(
    "restart",
    cls=Command,
    remote=True,
    short_help="Stop services and start them again; all without names.",
    examples=["mamctl restart backend", "mamctl restart"],
)
@click.argument("services", nargs=-1, metavar="[SERVICE]...", shell_complete=known.services)
@_TIMEOUT
@pass_invocation
def restart_command(invocation: Invocation, services: tuple[str, ...], *, timeout: float) -> int:
    """Stop services and start them again; without names, all of them."""
    body = {"services": list(services) or None, "wait": timeout}
    return _tell(invocation, [attend(invocation, "/v1/restart", body, timeout, progress.starting)])


def _each(invocation: Invocation, verb: str, names: Sequence[str], timeout: float) -> list[dict[str, Any]]:
    """Ask for each service at the same time: the supervisor puts them in order. Return the reports in order."""
    draw = progress.stopping if verb == "stop" else progress.starting
    names = _meant(invocation, verb, names)
    paths = [f"/v1/services/{quote(name, safe='')}/{verb}" for name in names]
    if len(paths) == 1:
        return [attend(invocation, paths[0], {"wait": timeout}, timeout, draw)]
    from mamctl.cli.errand import Errand

    def ask(path: str) -> Errand:
        return Errand(lambda: invocation.client.request("POST", path, {"wait": timeout}, timeout=timeout + MARGIN))

    errands = [ask(path) for path in paths]
    return [errand.result() for errand in errands]


def _meant(invocation: Invocation, verb: str, patterns: Sequence[str]) -> list[str]:
    """Return the services that are meant: dependants first for a stop, dependencies first for a start.

    One plain name goes as it is: the supervisor reads the manifest again, so it may know one that its status has not.
    """
    if len(patterns) == 1 and not is_glob(patterns[0]):
        return list(patterns)
    status = invocation.client.request("GET", "/v1/status")
    rows = {row["name"]: row["layer"] for row in status["services"]}
    families = families_in(status)
    known = [one for one in patterns if is_glob(one) or one in families]
    plain = [one for one in patterns if one not in known]
    found = dict.fromkeys([*(select(known, rows, families) if known else ()), *plain])
    return sorted(found, key=lambda name: rows.get(name, 0), reverse=verb == "stop")


def _tell(invocation: Invocation, reports: Sequence[dict[str, Any]], names: Sequence[str] = ()) -> int:
    """Show the outcome and return the exit code: the worst of the reports'. Only a named service is told as absent."""
    from mamctl.ui.status import page

    shown = [_of(report, names) for report in reports]
    lines = [line for report in shown for line in outcome(report, invocation.side_width, invocation.side_paint)]
    told = {name for report in shown for name in told_in(report)}
    invocation.say(page(reports[-1]["status"], invocation.width, invocation.paint, told=told))
    invocation.tell(["", *lines] if lines else [])
    return max((exit_code(report) for report in reports), default=0)


def _of(report: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {**report, "absent": [name for name in report.get("absent") or [] if name in names]}
