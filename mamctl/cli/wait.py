"""`mamctl wait`: until services are ready, stopped or completed, or cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from mamctl.cli import known
from mamctl.cli.attendance import MARGIN
from mamctl.cli.command import Command, pass_invocation
from mamctl.cli.span import SPAN
from mamctl.core.errors import NoSupervisor, TimedOut
from mamctl.ui import words
from mamctl.ui.amounts import duration
from mamctl.ui.report import error, failure

if TYPE_CHECKING:
    from mamctl.cli.invocation import Invocation


@click.command(
    "wait",
    cls=Command,
    remote=True,
    short_help="Wait until services are ready, stopped or completed.",
    examples=["mamctl wait", "mamctl wait backend --timeout 10s", "mamctl wait migrate --for completed"],
)
@click.argument("services", nargs=-1, metavar="[SERVICE]...", shell_complete=known.services)
@click.option(
    "--for",
    "goal",
    type=click.Choice(["ready", "stopped", "completed"]),
    default="ready",
    show_default=True,
    help="What to wait for.",
)
@click.option("--timeout", type=SPAN, default="60s", show_default=True, help="How long to wait.")
@pass_invocation
def wait_command(invocation: Invocation, services: tuple[str, ...], *, goal: str, timeout: float) -> int:
    """Wait until services (all that are wanted, without names) are ready, stopped or completed.

    Ends at once with 1 and the cause when that cannot come true any more; 5 after the timeout.
    """
    try:
        answer = _ask(invocation, services, goal, timeout)
    except NoSupervisor:
        if goal == "stopped":
            return 0
        raise
    if answer["ok"]:
        return 0
    return _tell(invocation, answer, services, goal, timeout)


def _ask(invocation: Invocation, services: tuple[str, ...], goal: str, timeout: float) -> dict[str, Any]:
    query = urlencode({"services": ",".join(services), "for": goal, "timeout": timeout}, safe=",")
    answer: dict[str, Any] = invocation.client.request("GET", f"/v1/wait?{query}", timeout=timeout + MARGIN)
    return answer


def _tell(invocation: Invocation, answer: dict[str, Any], services: tuple[str, ...], goal: str, timeout: float) -> int:
    paint, width = invocation.side_paint, invocation.side_width
    cause = answer.get("cause")
    if cause:
        invocation.tell([*error(f"{cause['service']} cannot become {goal}", None, paint)])
        invocation.tell(failure(cause, width, paint))
        return 1
    who = words.names(services, most=6) if services else "the stack"
    invocation.tell(error(f"{who}: not {goal} after {duration(timeout)}", "`mamctl status` shows why", paint))
    return TimedOut.exit_code
