"""Waiting for the answer to a slow request, with a live summary on the terminal of what it is waiting for."""

from __future__ import annotations

import select
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from mamctl.core.errors import MamctlError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mamctl.cli.invocation import Invocation
    from mamctl.ui.paint import Paint
    from mamctl.ui.progress import Progress

    Draw = Callable[[Progress, float, float, Paint], list[str]]

# How long the server has for its answer beyond the time it was told to wait.
MARGIN: Final = 10.0
FRAME: Final = 0.1


def attend(invocation: Invocation, path: str, body: dict[str, Any], wait: float, draw: Draw) -> Any:
    """POST and return the answer; `draw` makes the summary while it takes long and stderr is a terminal."""

    def ask() -> Any:
        return invocation.client.request("POST", path, body, timeout=wait + MARGIN)

    if not sys.stderr.isatty() or invocation.environ.get("TERM") == "dumb":
        return ask()
    return watched(invocation, ask, draw)


def watched(invocation: Invocation, ask: Callable[[], Any], draw: Draw) -> Any:
    """Run a request and draw the stack's way until its answer is there; the screen is left clean."""
    from mamctl.cli.errand import Errand
    from mamctl.ui.live import Live
    from mamctl.ui.progress import Progress

    live = Live(terminal=True, width=invocation.side_width)
    began = time.monotonic()
    since = _since(invocation)
    errand = Errand(ask)
    try:
        stream = invocation.client.stream(f"/v1/events{since}", {"Accept": "text/event-stream"})
        progress = Progress(invocation.client.request("GET", "/v1/status"), began)
    except (MamctlError, OSError, EOFError):
        # The supervisor is busy or just leaving: the answer itself says what there is to say.
        return errand.result()
    try:
        while not _turn(errand, stream, progress):
            live.resize(invocation.side_width)
            _show(live.frame([], draw(progress, time.monotonic(), began, invocation.side_paint)))
    finally:
        _show(live.clear())
        stream.close()
    return errand.result()


def _since(invocation: Invocation) -> str:
    """Return which events are wanted: those after the last one on disk; of a supervisor elsewhere the new ones."""
    if invocation.host:
        return ""
    from mamctl.runtime.history import last_seq

    return f"?since={last_seq(invocation.place.events)}"


def _turn(errand: Any, stream: Any, progress: Progress) -> bool:
    """Wait for one frame or until something happens; tell whether the errand has ended."""
    ready, _, _ = select.select([errand, stream], [], [], FRAME)
    if stream in ready:
        try:
            for event in stream.read():
                progress.apply(event, time.monotonic())
        except EOFError:
            select.select([errand], [], [], FRAME)
    return errand in ready


def _show(text: str) -> None:
    if text:
        sys.stderr.write(text)
        sys.stderr.flush()
