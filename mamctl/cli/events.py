"""`mamctl events`: the durable history, and what happens from now on."""

from __future__ import annotations

import json
import select
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from mamctl.cli.command import Command, pass_invocation
from mamctl.core.errors import NoSupervisor
from mamctl.runtime.history import read_events
from mamctl.ui.amounts import moment
from mamctl.ui.happenings import Happening, sentence

if TYPE_CHECKING:
    from mamctl.cli.invocation import Invocation
    from mamctl.ui.stream import Stream

Event = dict[str, Any]
WITHOUT_SINCE: Final = 100


@click.command(
    "events",
    cls=Command,
    remote=True,
    short_help="Show what happened: starts, failures, stops.",
    examples=["mamctl events", "mamctl events --since 0 --json", "mamctl events -f"],
)
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens from now.")
@click.option("--since", type=int, default=None, metavar="SEQ", help="Only events after this number.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@pass_invocation
def events_command(invocation: Invocation, *, follow: bool, since: int | None, as_json: bool) -> int:
    """Show what happened to the stack: starts, failures, restarts, stops; the last 100 unless --since is given."""
    show = _shower(invocation, as_json=as_json)
    last = 0
    found = _known(invocation, since)
    for event in found if since is not None else found[-WITHOUT_SINCE:]:
        show(event)
        last = event["seq"]
    if follow:
        _follow(invocation, max(last, since or 0), show)
    return 0


def _known(invocation: Invocation, since: int | None) -> list[Event]:
    if invocation.host:
        from mamctl.cli.elsewhere import events_after

        return list(events_after(invocation.client, since))
    return [event for event in read_events(invocation.place.events) if event["seq"] > (since or 0)]


def _shower(invocation: Invocation, *, as_json: bool) -> Any:
    if as_json:
        return lambda event: invocation.say([json.dumps(event)])
    from mamctl.ui.stream import Stream

    stream = Stream([], invocation.paint)
    return lambda event: invocation.say(_lines(stream, event, invocation.width if sys.stdout.isatty() else None))


def _lines(stream: Stream, event: Event, width: int | None) -> list[str]:
    happening = sentence(event) or Happening(str(event.get("type")), "")
    return stream.state(event.get("service"), moment(event.get("at")), happening, width=width)


def _follow(invocation: Invocation, since: int, show: Any) -> None:
    """Show events until the supervisor leaves. Raises NoSupervisor when none runs."""
    try:
        stream = invocation.client.stream(f"/v1/events?since={since}", {"Accept": "text/event-stream"})
    except NoSupervisor:
        if invocation.host:
            raise
        raise NoSupervisor("no supervisor is running, so nothing new can happen", "`mamctl up -d` starts it") from None
    try:
        while True:
            select.select([stream], [], [])
            for event in stream.read():
                show(event)
    except EOFError:
        invocation.tell(["the supervisor has left"])
    finally:
        stream.close()
