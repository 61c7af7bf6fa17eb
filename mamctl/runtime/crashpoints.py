"""Places at which a supervisor can be made to die, once, to prove that the next one goes on from there.

`MAMCTL_CRASH_AT=after_spawn mamctl up -d` kills it with SIGKILL right after its first spawn. The file that notes this
lies in the home, so that the supervisors after it live.
"""

from __future__ import annotations

import os
import signal
from typing import Final

VARIABLE: Final = "MAMCTL_CRASH_AT"
POINTS: Final = ("after_intent", "after_spawn", "after_journal", "mid_adopt", "mid_stop", "mid_rotate", "mid_reexec")
# Only where there is an event listener.
WITH_LISTENERS: Final = ("mid_tell", "mid_hear")

_armed: dict[str, str] = {}


def arm(home: str) -> None:
    """Heed the variable from now on, unless a supervisor of this home has died of it already."""
    name = os.environ.get(VARIABLE, "")
    note = os.path.join(home, f"crashed_{name}")
    if name in (*POINTS, *WITH_LISTENERS) and not os.path.exists(note):
        _armed[name] = note


def crash_point(name: str) -> None:
    """Die here if that was asked for."""
    if note := _armed.pop(name, None):
        os.close(os.open(note, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        os.kill(os.getpid(), signal.SIGKILL)
