"""`mamctl dashboard`: open the web dashboard in a browser, by a link that is good once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from mamctl.cli.command import Command, pass_invocation
from mamctl.control.client import ApiError
from mamctl.core.errors import MamctlError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.cli.invocation import Invocation

ANY_PORT = "127.0.0.1:0"


@click.command(
    "dashboard",
    cls=Command,
    remote=True,
    short_help="Open the web dashboard in a browser.",
    examples=["mamctl dashboard", "mamctl dashboard --listen 127.0.0.1:0", "mamctl dashboard --print"],
)
@click.option("--print", "only_print", is_flag=True, help="Print the link, and open nothing.")
@click.option(
    "--listen",
    metavar="HOST:PORT",
    shell_complete=lambda _context, _option, incomplete: [ANY_PORT] if ANY_PORT.startswith(incomplete) else [],
    help="Where the manifest has no `control`: a loopback address, opened until the stack ends; port 0: any.",
)
@pass_invocation
def dashboard_command(invocation: Invocation, *, only_print: bool, listen: str | None) -> int:
    """Open the dashboard: services, logs, events, charts and the graph, with buttons to start and stop.

    The link lets one browser in, once and within a minute; it stays signed in for a day. The stack must listen on TCP:
    the manifest's key `control` says where, or --listen does until the stack ends.
    """
    link = _link(invocation, listen)
    if only_print:
        invocation.say([link])
        return 0
    if _can_open(invocation.environ) and _open(link):
        invocation.tell([f"opened {link.partition('?')[0]} in your browser"])
        return 0
    invocation.say([link])
    invocation.tell(["no browser could be opened here: open this link within a minute; it is good once"])
    return 0


def _link(invocation: Invocation, listen: str | None) -> str:
    """Ask the supervisor for a link. Raises MamctlError where no browser can reach it."""
    try:
        found: dict[str, Any] = invocation.client.request("POST", "/v1/dashboard", {"listen": listen})
    except ApiError as refusal:
        raise _in_our_words(refusal) from None
    if listen and listen != ANY_PORT and not str(found["url"]).startswith(f"http://{listen}/"):
        invocation.tell([f"the stack listens already, elsewhere than on {listen}"])
    # Elsewhere it knows only its own address, which may be behind a tunnel.
    return f"{invocation.host.rstrip('/')}{found['path']}" if invocation.host else str(found["url"])


def _in_our_words(refusal: ApiError) -> MamctlError:
    if refusal.code != "no_tcp":
        return refusal
    hint = f"`mamctl dashboard --listen {ANY_PORT}` opens it until the stack ends; for good: {_KEY}"
    return MamctlError("browsers cannot reach this stack: its manifest has no `control`", hint)


_KEY = "control: {listen: 127.0.0.1:7373}"


def _can_open(environ: Mapping[str, str]) -> bool:
    """Tell whether a browser would have a screen: one in this terminal could show nothing of it."""
    return sys.platform == "darwin" or bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def _open(link: str) -> bool:
    import webbrowser

    try:
        return webbrowser.open(link)
    except (webbrowser.Error, OSError):
        return False
