"""Be the parent of last resort: what a service leaves behind becomes our child, and so can be found and ended.

Linux only (PR_SET_CHILD_SUBREAPER); elsewhere orphans go to process 1 and are found by their marker.
"""

from __future__ import annotations

import ctypes
import sys

PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> bool:
    """Adopt orphaned descendants from now on; tell whether the system can."""
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
