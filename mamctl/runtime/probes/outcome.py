"""What one probe found."""

from __future__ import annotations

import errno
import os
import socket
from typing import NamedTuple


class Outcome(NamedTuple):
    """The verdict of one check.

    `detail` is what was seen, in a few words (`HTTP 503`). `answered`: somebody answered, rightly or wrongly, so a
    failed check with it means a wrong or sick service, and one without it that nobody is there (or says nothing).
    `latency` is in seconds.
    """

    ok: bool
    detail: str
    answered: bool
    latency: float = 0.0


def failed_connection(error: OSError) -> Outcome:
    """Return the outcome of a connection that did not come about."""
    if isinstance(error, socket.gaierror):
        return Outcome(ok=False, detail="no such host", answered=False)
    if error.errno == errno.ECONNREFUSED:
        return Outcome(ok=False, detail="connection refused", answered=False)
    known = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)
    return Outcome(ok=False, detail=known, answered=False)


def seconds(value: float) -> str:
    """Return a number of seconds as people write it: `2 s`, `0.25 s`."""
    return f"{value:g} s"
