"""`mamctl reexec`: the running supervisor is replaced by the installed version, and no service notices."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import click

from mamctl.cli.command import Command, pass_invocation

if TYPE_CHECKING:
    from mamctl.cli.invocation import Invocation

# The new version imports and checks everything before the old one lets go.
PATIENCE: Final = 120.0


@click.command(
    "reexec",
    cls=Command,
    remote=True,
    short_help="Replace the running supervisor by the installed version.",
    examples=["mamctl reexec", "mamctl -f /srv/shop/services.yaml reexec"],
)
@pass_invocation
def reexec_command(invocation: Invocation) -> int:
    """Replace the running supervisor and its guardian by the installed version; no service notices.

    The new one imports and checks everything first; one that cannot leaves the old one running (exit code 1).
    """
    before = invocation.client.request("GET", "/v1/status")["supervisor"]
    began = time.monotonic()
    after = invocation.client.request("POST", "/v1/reexec", {}, timeout=PATIENCE)["supervisor"]
    old, new = (f"{one['pid']} ({one['version']})" for one in (before, after))
    invocation.tell([f"replaced supervisor {old} by {new} in {time.monotonic() - began:.1f} s; no service noticed"])
    return 0
