"""Limits that a service asks for: tried before its start, set on its process right after.

What may not be set is a failed start that says why, before anything runs. It is tried on ourselves: a raise that we
may do, our children may have. The kernel's own rule is much longer (RLIMIT_NICE, capabilities, namespaces, nr_open).
"""

from __future__ import annotations

import contextlib
import os
import resource
from typing import TYPE_CHECKING

from mamctl.core.states import Reason
from mamctl.runtime.launcher import LaunchError

if TYPE_CHECKING:
    from mamctl.core.manifest.model import Limits

FILES = resource.RLIMIT_NOFILE


def admit(limits: Limits) -> None:
    """See that these limits may be set. Raises LaunchError."""
    if limits.nice is not None:
        _admit_nice(limits.nice)
    if limits.open_files is not None:
        _admit_files(limits.open_files)


def apply(limits: Limits, pid: int) -> None:
    """Set them on a process that was just started, and on its group: what it forks has them too."""
    # It may be gone by now, or have changed its user.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if limits.nice is not None:
            os.setpriority(os.PRIO_PGRP, pid, limits.nice)
        if limits.open_files is not None:
            resource.prlimit(pid, FILES, (limits.open_files, limits.open_files))


def _admit_nice(nice: int) -> None:
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    if nice >= ours:
        return
    try:
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    except PermissionError:
        why = f"limits.nice: {nice} needs the right to go before others (root, CAP_SYS_NICE or `ulimit -e`)"
        raise LaunchError(Reason.SPAWN_FAILED, why, final=True) from None
    os.setpriority(os.PRIO_PROCESS, 0, ours)


def _admit_files(wanted: int) -> None:
    soft, hard = resource.getrlimit(FILES)
    if wanted <= hard:
        return
    try:
        resource.setrlimit(FILES, (soft, wanted))
    except (ValueError, OSError):
        why = f"limits.open_files: {wanted} is more than the system allows us, which is {hard} (`ulimit -Hn`)"
        raise LaunchError(Reason.SPAWN_FAILED, why, final=True) from None
    resource.setrlimit(FILES, (soft, hard))
