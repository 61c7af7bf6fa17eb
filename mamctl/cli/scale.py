"""`mamctl scale`: more or fewer replicas of services, until the next `up`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from mamctl.cli import known
from mamctl.cli.attendance import attend
from mamctl.cli.command import Command, pass_invocation
from mamctl.cli.span import SPAN
from mamctl.cli.verdict import exit_code
from mamctl.core.errors import UsageError
from mamctl.core.manifest.replicas import MOST
from mamctl.ui import progress, words
from mamctl.ui.amounts import count
from mamctl.ui.report import outcome, told_in
from mamctl.ui.status import page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mamctl.cli.invocation import Invocation


@click.command(
    "scale",
    cls=Command,
    remote=True,
    short_help="Run more or fewer replicas of a service.",
    examples=["mamctl scale worker=5", "mamctl scale worker=0 web=2 --timeout 30s"],
)
@click.argument("wishes", nargs=-1, required=True, metavar="SERVICE=N...", shell_complete=known.scales)
@click.option("--timeout", type=SPAN, default="120s", show_default=True, help="How long to wait.")
@pass_invocation
def scale_command(invocation: Invocation, wishes: tuple[str, ...], *, timeout: float) -> int:
    """Run so many replicas of services that have the key `replicas`, and wait for the outcome.

    What is missing is started, and the highest numbers are stopped. It holds until the next `up`,
    which goes back to the manifest's number. Ends with 0, 1 when something failed, 5 after the timeout.
    """
    numbers = _numbers(wishes)
    if len(numbers) > 1:
        # Refusals first: then all of them come and go at the same time.
        begun = [invocation.client.request("POST", *_request(name, number)) for name, number in numbers.items()]
    else:
        begun = []
    reports = [
        attend(invocation, *_request(name, number, timeout), timeout, progress.starting)
        for name, number in numbers.items()
    ]
    return _tell(invocation, numbers, begun or reports, reports)


def _numbers(wishes: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for wish in wishes:
        name, equals, number = wish.rpartition("=")
        if not name or not equals or not (number.isascii() and number.isdigit()) or int(number[:9]) > MOST:
            raise UsageError(f"{wish!r} is not SERVICE=N", f"write `mamctl scale worker=3`; N is 0 to {MOST}")
        if name in found:
            raise UsageError(f"{name} is named twice", "leave one out")
        found[name] = int(number)
    return found


def _request(name: str, number: int, wait: float | None = None) -> tuple[str, dict[str, Any]]:
    return f"/v1/services/{quote(name, safe='')}/scale", {"replicas": number, "wait": wait}


def _tell(
    invocation: Invocation,
    numbers: Mapping[str, int],
    begun: Sequence[dict[str, Any]],
    reports: Sequence[dict[str, Any]],
) -> int:
    """Show the outcome and return the exit code: the worst of the reports'."""
    lines = [line for report in begun for line in words.rescaled(report["scaled"])]
    lines = lines or [f"{name}: {count(number, 'replica')}, as before" for name, number in numbers.items()]
    for report in reports:
        others = {**report, "scaled": [], "removed": [], "absent": []}
        lines += outcome(others, invocation.side_width, invocation.side_paint)
    told = {name for report in reports for name in told_in(report)}
    invocation.say(page(reports[-1]["status"], invocation.width, invocation.paint, told=told))
    invocation.tell(["", *lines])
    return max(exit_code(report) for report in reports)
