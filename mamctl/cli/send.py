"""`mamctl signal`: send a signal to the main process of services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from mamctl.cli import known
from mamctl.cli.command import Command, pass_invocation
from mamctl.core.errors import UsageError
from mamctl.core.manifest.findings import Invalid
from mamctl.core.manifest.signals import NAMES, signal_number
from mamctl.ui import words

if TYPE_CHECKING:
    from mamctl.cli.invocation import Invocation


@click.command(
    "signal",
    cls=Command,
    remote=True,
    short_help="Send a signal to a service's main process.",
    examples=["mamctl signal web HUP", "mamctl signal 'worker-*' USR1", "mamctl signal web 10"],
)
@click.argument("service", metavar="SERVICE", shell_complete=known.services)
@click.argument("signal", metavar="SIGNAL", shell_complete=known.signals)
@pass_invocation
def signal_command(invocation: Invocation, service: str, signal: str) -> int:
    """Send a signal (HUP, SIGHUP or 1) to the main process of a service, of its replicas, or of all that a glob means.

    What they make of it is theirs: one that ends is restarted as its policy says. `mamctl stop` stops it for good.
    """
    number = _number(signal)
    path = f"/v1/services/{quote(service, safe='')}/signal"
    report: dict[str, Any] = invocation.client.request("POST", path, {"signal": number})
    name = NAMES.get(number, str(number))
    invocation.tell([f"sent {name} to {words.names(report['services'], most=20)}"])
    return 0


def _number(written: str) -> int:
    """Return the number of a signal, as it was written or named. Raises UsageError."""
    try:
        return signal_number(written)
    except Invalid as wrong:
        raise UsageError(wrong.message, wrong.hint) from None
