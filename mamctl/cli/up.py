"""`mamctl up`: bring the stack up, in the foreground or detached."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from mamctl.cli.command import Command
from mamctl.cli.invocation import Invocation, pass_invocation
from mamctl.cli.span import SPAN
from mamctl.core.errors import NoSupervisor

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.command(
    "up",
    cls=Command,
    examples=[
        "mamctl up",
        "mamctl up -d && curl localhost:5001",
        "mamctl up backend --profile ai",
        "mamctl up -d --timeout 5m",
    ],
)
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@click.option("-d", "--detach", is_flag=True, help="Leave it running, and come back when it has settled.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="With -d: wait for the outcome.")
@click.option("--timeout", type=SPAN, default="120s", show_default=True, help="With -d: how long to wait.")
@click.option("--profile", "profiles", multiple=True, metavar="P", help="Also start what has this profile.")
@click.option("--no-deps", is_flag=True, help="Without what the named services depend on.")
@pass_invocation
def up_command(
    invocation: Invocation,
    services: tuple[str, ...],
    *,
    detach: bool,
    wait: bool,
    timeout: float,
    profiles: tuple[str, ...],
    no_deps: bool,
) -> int:
    """Bring the stack up in the right order, or make a running one match its manifest again.

    In the foreground it streams states and logs until Ctrl-C stops everything in order.
    Keys: s status, r restart, ? help, q as Ctrl-C. On a running stack it observes: Ctrl-C detaches.
    With -d it waits until all has settled, shows the table and leaves the stack running;
    it ends with 0, 1 when something failed, 5 when it has not settled in time.
    """
    body: dict[str, Any] = {"services": list(services) or None, "profiles": list(profiles), "no_deps": no_deps}
    if not detach:
        from mamctl.cli.foreground import run_foreground

        return run_foreground(invocation, body)
    if not wait:
        return _begin(invocation, body)
    return _detached(invocation, body, timeout)


def _detached(invocation: Invocation, body: Mapping[str, Any], timeout: float) -> int:
    from mamctl.cli.attendance import attend
    from mamctl.ui import words
    from mamctl.ui.progress import starting
    from mamctl.ui.report import outcome
    from mamctl.ui.status import page

    began = time.monotonic()
    request = {**body, "wait": timeout}
    ensure_supervisor(invocation, request)
    try:
        report: dict[str, Any] = attend(invocation, "/v1/up", request, timeout, starting)
    except KeyboardInterrupt:
        invocation.tell(["left it to start by itself: `mamctl status` shows how far it is, `mamctl down` stops it"])
        raise
    seconds = time.monotonic() - began
    invocation.say(page(report["status"], invocation.width, invocation.paint, with_notes=False))
    lines = outcome(report, invocation.side_width, invocation.side_paint)
    invocation.tell(["", *lines] if lines else [words.settled(report["status"]["services"], seconds)])
    return exit_code(report)


def _begin(invocation: Invocation, body: Mapping[str, Any]) -> int:
    request = {**body, "wait": None}
    if not ensure_supervisor(invocation, request):
        invocation.client.request("POST", "/v1/up", request)
    invocation.tell(["starting: `mamctl status` shows how far it is"])
    return 0


def ensure_supervisor(invocation: Invocation, request: Mapping[str, Any]) -> bool:
    """Start a detached supervisor unless one answers; tell whether it was started."""
    try:
        invocation.client.request("GET", "/v1/health")
    except NoSupervisor:
        from mamctl.runtime.launch import start_supervisor

        start_supervisor(invocation.place, up=dict(request), foreground=False, environ=invocation.environ)
        return True
    return False


def exit_code(report: Mapping[str, Any]) -> int:
    """Return 0 for a good outcome, 1 when something failed, 5 when it has not settled in time."""
    if not report["settled"]:
        return 1 if report.get("failed") else 5
    return 0 if report["ok"] else 1
