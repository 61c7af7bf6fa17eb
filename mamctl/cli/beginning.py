"""Having a supervisor: the one that runs already, or a new one; several commands may want that at the same time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from mamctl.control.door import ask_guardian
from mamctl.core.errors import NoSupervisor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.cli.invocation import Invocation
    from mamctl.runtime.launch import Started

# How long somebody else's supervisor may take from its lock to its socket, or from its socket's end to its own.
PATIENCE: Final = 10.0
AGAIN: Final = 0.05


def ensure_supervisor(invocation: Invocation, up: Mapping[str, Any], *, foreground: bool) -> Started | None:
    """Start a supervisor that wants `up`; return None when one answers already: it has yet to be asked.

    Raises ManifestError and what else keeps a supervisor from standing.
    """
    deadline = time.monotonic() + PATIENCE
    while not _answers(invocation):
        if (guard := ask_guardian(invocation.place, "retry")) and guard.gave_up:
            invocation.tell([f"its guardian (pid {guard.pid}) had given up on it; it starts a supervisor again"])
        if guard is not None:
            _wait_for_socket(invocation)
            continue
        from mamctl.runtime.launch import AlreadyRunningError, start_supervisor

        try:
            return start_supervisor(invocation.place, up=up, foreground=foreground, environ=invocation.environ)
        except AlreadyRunningError:
            if time.monotonic() > deadline:
                raise
            time.sleep(AGAIN)
    return None


def _wait_for_socket(invocation: Invocation) -> None:
    """Give the supervisor that a guardian starts the time to listen. Raises NoSupervisor when it does not."""
    deadline = time.monotonic() + PATIENCE
    while not _answers(invocation):
        if time.monotonic() > deadline:
            raise NoSupervisor("the guardian lives, but its supervisor does not start", "look at logs/mamctl.log")
        time.sleep(AGAIN)


def _answers(invocation: Invocation) -> bool:
    try:
        invocation.client.request("GET", "/v1/health")
    except NoSupervisor:
        return False
    return True
