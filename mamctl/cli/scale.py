"""`mamctl scale`: more or fewer replicas of services, until the next `up`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

    What is missing is started, and the highest numbers are stopped. When one of several cannot be scaled,
    none is. It holds until the next `up`, which goes back to the manifest's number. Ends with 0, 1 when
    something failed, 5 after the timeout.
    """
    numbers = _numbers(wishes)
    # In one request: the supervisor does all of it, or refuses all of it.
    body = {"replicas": numbers, "wait": timeout}
    report = attend(invocation, "/v1/scale", body, timeout, progress.starting)
    invocation.say(page(report["status"], invocation.width, invocation.paint, told=told_in(report)))
    invocation.tell(["", *_told(invocation, numbers, report)])
    return exit_code(report)


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


def _told(invocation: Invocation, numbers: Mapping[str, int], report: Mapping[str, Any]) -> list[str]:
    """Return what came of it, in words: how many there are, and who failed."""
    lines = list(words.rescaled(report["scaled"]))
    lines = lines or [f"{name}: {count(number, 'replica')}, as before" for name, number in numbers.items()]
    others = {**report, "scaled": [], "removed": [], "absent": []}
    return [*lines, *outcome(others, invocation.side_width, invocation.side_paint)]
