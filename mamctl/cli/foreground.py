"""`mamctl up` in the foreground: the terminal's client of a supervisor of its own, or an observer of a running one."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

from mamctl.cli.aftermath import tell_aftermath
from mamctl.cli.beginning import ensure_supervisor
from mamctl.cli.console import Console
from mamctl.cli.departure import Departure
from mamctl.cli.rejoining import Events
from mamctl.cli.session import Session
from mamctl.cli.signals import Signals
from mamctl.cli.tailing import Tail, ends
from mamctl.core.errors import NoSupervisor, UsageError
from mamctl.runtime.history import last_seq
from mamctl.ui import words
from mamctl.ui.narration import Narration
from mamctl.ui.progress import Progress
from mamctl.ui.stream import Stream

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from mamctl.cli.invocation import Invocation
    from mamctl.runtime.logs.reader import LogFiles


def run_foreground(invocation: Invocation, body: Mapping[str, Any], exit_code_from: str | None = None) -> int:
    """Bring the stack up and stay with it; return the exit code. `exit_code_from`: the service that ends the run."""
    began = time.monotonic()
    since = last_seq(invocation.place.events)
    positions = ends(invocation.place)
    request = {**body, "wait": None}
    started = ensure_supervisor(invocation, {**request, "exit_code_from": exit_code_from}, foreground=True)
    if started is None and exit_code_from is not None:
        raise UsageError(
            "the stack runs already: this run would only observe it, and not end with it",
            f"`mamctl down` first, or `mamctl wait {exit_code_from} --for completed`",
        )
    if started is None:
        lines = _greeting(invocation.client.request("POST", "/v1/up", request))
        return _attend(invocation, since=since, positions=None, lines=lines, began=None)
    try:
        return _attend(invocation, since=since, positions=positions, lines=[], began=began, lease=started.lease)
    except (NoSupervisor, EOFError, ConnectionError):
        # All its services ended before we could listen, and so has it.
        return tell_aftermath(invocation, since, positions)
    finally:
        # From here on the supervisor stops everything by itself, if it has not already.
        if started.lease is not None:
            started.lease.close()


def _greeting(report: Mapping[str, Any]) -> list[str]:
    status = report["status"]
    lines = [f"{status['name']} runs already (supervisor {status['supervisor']['pid']}): observing; Ctrl-C detaches"]
    rescaled = report.get("scaled") or []
    lines += words.rescaled(rescaled)
    removed = words.not_of(rescaled, report.get("removed") or [])
    return [*lines, f"stopped, because the manifest has them no more: {', '.join(removed)}"] if removed else lines


def _attend(
    invocation: Invocation,
    *,
    since: int,
    positions: Mapping[LogFiles, int] | None,
    lines: list[str],
    began: float | None,
    lease: socket.socket | None = None,
) -> int:
    """Stay with a run; `began` is when it was asked for, None when it is not ours and only observed."""
    with ExitStack() as stack:
        signals = stack.enter_context(Signals())
        console = stack.enter_context(closing(Console(invocation.environ)))
        session = stack.enter_context(
            closing(
                _session(
                    invocation,
                    console,
                    signals,
                    Events(invocation.client, since, lease),
                    positions=positions,
                    began=began,
                )
            )
        )
        session.say(lines)
        return session.run()


def _session(
    invocation: Invocation,
    console: Console,
    signals: Signals,
    events: Events,
    *,
    positions: Mapping[LogFiles, int] | None,
    began: float | None,
) -> Session:
    progress = Progress(invocation.client.request("GET", "/v1/status"), time.monotonic())
    stream = Stream(list(progress.rows), invocation.paint)
    return Session(
        invocation,
        console=console,
        signals=signals,
        events=events,
        follower=Tail(invocation.place, progress.rows, positions),
        progress=progress,
        narration=Narration(progress, stream, invocation.paint, began),
        stream=stream,
        departure=None if began is None else Departure(invocation.paint),
    )
