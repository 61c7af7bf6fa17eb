"""Bringing a stack up that outlives its command. Nothing here knows click, so that the plain form is quick."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from mamctl.cli.beginning import ensure_supervisor
from mamctl.cli.verdict import exit_code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.cli.invocation import Invocation

# How long `up -d` waits unless it is told otherwise, in seconds.
PATIENCE: Final = 120.0
EVERYTHING: Final[Mapping[str, Any]] = {"services": None, "profiles": [], "no_deps": False}


def bring_up(invocation: Invocation, body: Mapping[str, Any], timeout: float) -> int:
    """Bring the stack up, wait until it has settled, show how it came out; return the exit code."""
    from mamctl.cli.attendance import attend
    from mamctl.ui import words
    from mamctl.ui.progress import starting
    from mamctl.ui.report import outcome, told_in
    from mamctl.ui.status import page

    began = time.monotonic()
    request: dict[str, Any] = {**body, "wait": timeout}
    started = invocation.host is None and ensure_supervisor(invocation, request, foreground=False) is not None
    # A supervisor that was started for this wants it already: only its outcome is asked for.
    request["only_wait"] = started
    try:
        report: dict[str, Any] = attend(invocation, "/v1/up", request, timeout, starting)
    except KeyboardInterrupt:
        invocation.tell(["left it to start by itself: `mamctl status` shows how far it is, `mamctl down` stops it"])
        raise
    seconds = time.monotonic() - began
    invocation.say(page(report["status"], invocation.width, invocation.paint, told=told_in(report)))
    lines = outcome(report, invocation.side_width, invocation.side_paint)
    invocation.tell(["", *lines] if lines else [words.settled(report["status"]["services"], seconds)])
    return exit_code(report)


def begin(invocation: Invocation, body: Mapping[str, Any]) -> int:
    """Bring the stack up without waiting; return the exit code."""
    request = {**body, "wait": None}
    if invocation.host or ensure_supervisor(invocation, request, foreground=False) is None:
        invocation.client.request("POST", "/v1/up", request)
    invocation.tell(["starting: `mamctl status` shows how far it is"])
    return 0
