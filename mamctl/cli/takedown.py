"""Taking a stack down. Nothing here knows click, so that the plain form is quick."""

from __future__ import annotations

import contextlib
import os
import select
import time
from typing import TYPE_CHECKING, Any, Final

from mamctl.cli.attendance import attend
from mamctl.control.door import ask_guardian
from mamctl.core.errors import MamctlError, NoSupervisor, TimedOut

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mamctl.cli.invocation import Invocation

# How long `down` waits unless it is told otherwise, in seconds.
PATIENCE: Final = 60.0
LEAVE_SECONDS: Final = 10.0
AGAIN: Final = 0.01


def take_down(invocation: Invocation, timeout: float) -> int:
    """Stop the stack and say how it went; return the exit code."""
    if invocation.host:
        return _told(invocation, bring_down(invocation, timeout))
    from mamctl.runtime.ownership import is_owned

    deadline = time.monotonic() + min(timeout, LEAVE_SECONDS)
    while True:
        try:
            return _told(invocation, bring_down(invocation, timeout))
        except NoSupervisor:
            # One that is only just beginning, or leaving, has the place but no socket: it is not nothing.
            if not is_owned(invocation.place.home):
                if not _adopt(invocation):
                    return 0
            else:
                ask_guardian(invocation.place, "retry")
            if time.monotonic() > deadline:
                raise
        time.sleep(AGAIN)


def _adopt(invocation: Invocation) -> bool:
    """Start a supervisor that takes over what a dead one left, to stop it in order; tell whether there is one now.

    Where none can be started (the manifest is broken, or gone) what is left is ended without order.
    """
    from mamctl.runtime.launch import AlreadyRunningError, start_supervisor
    from mamctl.runtime.orphans import end_orphans, find_left
    from mamctl.runtime.ownership import own
    from mamctl.ui import words

    place = invocation.place
    if not find_left(place.home, place.journal):
        invocation.tell(["nothing is running"])
        return False
    invocation.tell(["its supervisor had died; taking over what it left, to stop it"])
    try:
        start_supervisor(place, up={}, foreground=False, environ=invocation.environ, down=True)
    except AlreadyRunningError:
        return True
    except MamctlError as error:
        invocation.tell([f"that cannot be: {error.message}"])
    else:
        return True
    lock = own(place.home, place.manifest)
    try:
        ended = end_orphans(lambda: find_left(place.home, place.journal))
    finally:
        os.close(lock)
    invocation.tell([f"ended without order: {words.names(ended, most=20)}"])
    return False


def bring_down(invocation: Invocation, timeout: float) -> dict[str, Any]:
    """Stop the stack and wait until its supervisor has left; return the supervisor's answer."""
    from mamctl.ui.progress import stopping

    body = {"wait": timeout, "force": False}
    with _keeper(invocation) as keeper:
        answer: dict[str, Any] = attend(invocation, "/v1/down", body, timeout, stopping)
        if not answer.get("settled", True):
            raise _too_slow(invocation, timeout)
        if not invocation.host:
            _until_gone(invocation.place.socket, keeper)
    return answer


@contextlib.contextmanager
def _keeper(invocation: Invocation) -> Iterator[list[int]]:
    """Give a descriptor of the guardian, who ends last; nothing where there is none, or no way to watch it."""
    found: list[int] = []
    if not invocation.host and (guard := ask_guardian(invocation.place)):
        with contextlib.suppress(OSError, AttributeError):
            found.append(os.pidfd_open(guard.pid))
    try:
        yield found
    finally:
        for descriptor in found:
            os.close(descriptor)


def _too_slow(invocation: Invocation, timeout: float) -> TimedOut:
    from mamctl.ui import words
    from mamctl.ui.amounts import duration

    status = invocation.status()
    left = [str(row["name"]) for row in (status or {"services": []})["services"] if row["pid"] is not None]
    who = f": {words.names(left, most=10)} still running" if left else ""
    return TimedOut(
        f"not everything stopped within {duration(timeout)}{who}", "it goes on stopping; try `mamctl down` again"
    )


def _told(invocation: Invocation, answer: dict[str, Any]) -> int:
    """Say what was stopped and what survived; return the exit code."""
    from mamctl.ui import words
    from mamctl.ui.amounts import count
    from mamctl.ui.report import error

    survivors = answer.get("survivors") or []
    if survivors:
        invocation.tell(error(words.survivors(survivors), "KILL did not end them either", invocation.side_paint))
        return MamctlError.exit_code
    stopped = answer.get("stopped") or []
    invocation.tell([f"stopped {count(len(stopped), 'service')}; nothing is left"])
    return 0


def _until_gone(socket_path: str, keeper: list[int]) -> None:
    """Wait until the supervisor has taken its socket away, which is the last thing it does, and its guardian ended."""
    deadline = time.monotonic() + LEAVE_SECONDS
    while os.path.exists(socket_path) or (keeper and not select.select(keeper, [], [], 0)[0]):
        if time.monotonic() > deadline:
            raise TimedOut("everything is stopped, but the supervisor has not left", "look at logs/mamctl.log")
        time.sleep(0.002)
