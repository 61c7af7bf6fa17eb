"""A descriptor that stays one process's own, whatever becomes of its number; and what is done where there are none.

Before Linux 5.3, and elsewhere, there are no pidfds: -1 stands in their place. A child that nobody has reaped keeps its
number all the same, so for our own children nothing is lost but the waking; for all others the time between the look
and the signal is a gap that cannot be closed.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import signal

from mamctl.runtime.without import lacks

NONE = -1


@functools.cache
def can_pin() -> bool:
    """Tell whether this system has pidfds."""
    if lacks("pidfd") or not hasattr(os, "pidfd_open"):
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError as error:
        return error.errno not in (errno.ENOSYS, errno.EPERM)  # an older kernel; a sandbox that refuses the call
    return True


def pin(pid: int) -> int:
    """Return a descriptor of a process, ours to close; NONE where there are none. Raises OSError when it is gone."""
    if can_pin():
        return os.pidfd_open(pid)
    os.kill(pid, 0)
    return NONE


def unpin(pidfd: int) -> None:
    """Let go of it."""
    if pidfd != NONE:
        os.close(pidfd)


def send(pid: int, *signums: int) -> None:
    """Send signals to the process that has a number now, all to the same one. One that is gone is left alone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if not can_pin():
            for signum in signums:
                os.kill(pid, signum)
            return
        pidfd = os.pidfd_open(pid)
        try:
            for signum in signums:
                signal.pidfd_send_signal(pidfd, signum)
        finally:
            os.close(pidfd)
