"""Be the parent of last resort: what a service leaves behind becomes our child, and so can be found and ended.

Linux only (PR_SET_CHILD_SUBREAPER); elsewhere orphans go to process 1 and are found by their marker.
"""

from __future__ import annotations

import ctypes
import sys

PR_SET_CHILD_SUBREAPER = 36
PR_GET_CHILD_SUBREAPER = 37


def become_subreaper() -> bool:
    """Adopt orphaned descendants from now on; tell whether that is new (not where the system cannot)."""
    if sys.platform != "linux" or _is_subreaper():
        return False
    return _prctl(PR_SET_CHILD_SUBREAPER, 1) == 0


def can_be_subreaper() -> bool:
    """Tell whether this system lets a process adopt orphans; changes nothing."""
    found = ctypes.c_int(0)
    return sys.platform == "linux" and _prctl(PR_GET_CHILD_SUBREAPER, ctypes.byref(found)) == 0


def resign_as_subreaper() -> None:
    """Let orphans go where they went before: a program that embedded us is as it was."""
    _prctl(PR_SET_CHILD_SUBREAPER, 0)


def _is_subreaper() -> bool:
    found = ctypes.c_int(0)
    return _prctl(PR_GET_CHILD_SUBREAPER, ctypes.byref(found)) == 0 and found.value != 0


def _prctl(option: int, value: object) -> int:
    result: int = ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
    return result
