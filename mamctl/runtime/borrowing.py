"""Copy a descriptor out of another process: pidfd_getfd, of Linux 5.6.

For what only a service still has: when a guardian and its supervisor have died, the socket that they held for it lives
on in its own descriptors. The kernel lets us if we may trace the process; where Yama forbids that to ordinary users
(`ptrace_scope` 1) it does not.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Final

# The same on every architecture that Python runs on, but for Alpha.
_PIDFD_GETFD: Final = 438


def borrow(pidfd: int, descriptor: int) -> int | None:
    """Return a copy of a process's descriptor, ours to close and close-on-exec; None where that cannot be."""
    if sys.platform != "linux" or pidfd < 0 or os.uname().machine == "alpha":
        return None
    copy: int = ctypes.CDLL(None, use_errno=True).syscall(_PIDFD_GETFD, pidfd, descriptor, 0)
    return copy if copy >= 0 else None
