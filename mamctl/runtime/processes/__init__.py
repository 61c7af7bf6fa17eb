"""Cheap readings of the process table: rows, families, environments, identities, usage.

On Linux they come from /proc, elsewhere from psutil; the functions are the same. Import them from here.
"""

from __future__ import annotations

import sys

from mamctl.runtime.processes.identities import Identity
from mamctl.runtime.processes.portrait import user_name
from mamctl.runtime.processes.stat import PAGE, TICKS, Stat
from mamctl.runtime.processes.usage import Sampler as _Sampler
from mamctl.runtime.processes.usage import Usage

if sys.platform == "linux":
    from mamctl.runtime.processes.endings import wait_status
    from mamctl.runtime.processes.environments import environment, marked
    from mamctl.runtime.processes.identities import boot_id, identity, identity_of
    from mamctl.runtime.processes.portrait import age, command_line, uptime, user
    from mamctl.runtime.processes.stat import is_dead, read
    from mamctl.runtime.processes.table import children, descendants, group_members, scan, session_members
else:
    from mamctl.runtime.processes.portable import (
        age,
        boot_id,
        children,
        command_line,
        descendants,
        environment,
        group_members,
        identity,
        identity_of,
        is_dead,
        marked,
        read,
        scan,
        session_members,
        uptime,
        user,
        wait_status,
    )


class Sampler(_Sampler):
    """The usage of trees of processes, read from this system's process table."""

    def __init__(self) -> None:
        super().__init__(scan, uptime)


__all__ = [
    "PAGE", "TICKS", "Identity", "Sampler", "Stat", "Usage", "age", "boot_id", "children", "command_line",
    "descendants", "environment", "group_members", "identity", "identity_of", "is_dead", "marked", "read",
    "scan", "session_members", "uptime", "user", "user_name", "wait_status",
]  # fmt: skip
