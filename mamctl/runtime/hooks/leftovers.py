"""Hooks that an earlier supervisor began and did not live to see the end of."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

from mamctl.runtime.environment import MARKER
from mamctl.runtime.processes import marked, read
from mamctl.runtime.processes.pinned import send

if TYPE_CHECKING:
    from collections.abc import Collection


def end_leftovers(mark: str, ours: Collection[int]) -> None:
    """Kill every process that bears the mark of hooks, save those in the sessions of ours."""
    for pid, _ in marked(MARKER.encode(), {mark.encode()}):
        row = read(pid)
        if row is not None and row.sid not in ours:
            with contextlib.suppress(OSError):
                send(pid, signal.SIGKILL)
