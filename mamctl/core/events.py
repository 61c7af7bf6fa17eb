"""What happens to a supervisor: every event that `Supervisor.step` understands.

`at` is monotonic seconds; `luck` is a random number from 0 to 1 that jitter is made of.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from mamctl.core.dataclass import dataclass
from mamctl.core.touched import Touched

if TYPE_CHECKING:
    from mamctl.core.manifest.model import Manifest
    from mamctl.core.past import Past
    from mamctl.core.states import Errand, Purpose, Reason, Timer


@dataclass(frozen=True, slots=True)
class Up:
    """The operator wants these services; `alone`: without what they depend on, unless that is coming anyway.

    `at_once`: those named that have a schedule run now, and not only when it is time.
    """

    names: tuple[str, ...]
    at: float
    alone: bool = False
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """The operator wants these services down, and nothing else touched."""

    names: tuple[str, ...]
    at: float


@dataclass(frozen=True, slots=True)
class Restart:
    """The operator wants new incarnations of these services."""

    names: tuple[str, ...]
    at: float


@dataclass(frozen=True, slots=True)
class Down:
    """Everything is to stop, in reverse order. `force`: KILL at once."""

    at: float
    force: bool = False


@dataclass(frozen=True, slots=True)
class Reload:
    """The manifest was read again."""

    manifest: Manifest
    at: float


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is known of one service from before. `pid`: its process; None: it has none.

    `died`: that process ended while nobody watched, and `Exited` follows. `changed`: its entry in the manifest asks
    for another process now. `spared`: it may outlive its supervisor. `unfit`: why it cannot go on
    with another one.
    """

    name: str
    past: Past
    pid: int | None = None
    died: bool = False
    changed: bool = False
    spared: bool = True
    unfit: str | None = None


@dataclass(frozen=True, slots=True)
class Recalled:
    """This supervisor goes on where another one ended. `proven`: what that one knew held to the last moment."""

    services: tuple[Remembered, ...]
    at: float
    proven: bool


@dataclass(frozen=True, slots=True)
class Spawned:
    """The process of this generation exists."""

    name: str
    generation: int
    pid: int
    at: float


@dataclass(frozen=True, slots=True)
class SpawnFailed:
    """It could not be started. `final`: trying again cannot help (no such command, a foreign port holder)."""

    name: str
    generation: int
    reason: Reason
    detail: str
    final: bool
    at: float
    luck: float = 0.5


class Shortage(StrEnum):
    """Whose memory was used up when the kernel killed a process to get some back."""

    MACHINE = "machine"
    LIMIT = "limit"  # the service's own, which the kernel watches over


@dataclass(frozen=True, slots=True)
class Exited:
    """The process ended: `code`, or the number of the `signal` that killed it; neither: nobody saw how.

    `shortage`: the kernel killed it, or a process of it, for want of memory.
    """

    name: str
    generation: int
    code: int | None
    signal: int | None
    at: float
    luck: float = 0.5
    shortage: Shortage | None = None


@dataclass(frozen=True, slots=True)
class OverMemory:
    """The processes of a service use more memory than its limit: `used` bytes."""

    name: str
    generation: int
    used: int
    at: float


@dataclass(frozen=True, slots=True)
class Survivor:
    """A process that outlived the stop of its service."""

    pid: int
    command: str


@dataclass(frozen=True, slots=True)
class Emptied:
    """Nothing is left of this generation, or all that could be done was done and these survive."""

    name: str
    generation: int
    at: float
    survivors: tuple[Survivor, ...] = ()
    luck: float = 0.5


@dataclass(frozen=True, slots=True)
class ErrandEnded:
    """A command of the manifest about a service ended: `complaint` says how, None: well."""

    name: str
    generation: int
    errand: Errand
    complaint: str | None
    at: float


@dataclass(frozen=True, slots=True)
class Probed:
    """A probe's answer."""

    name: str
    generation: int
    purpose: Purpose
    ok: bool
    detail: str
    at: float


class Said(StrEnum):
    """A word of a service about itself, as sd_notify spells it."""

    READY = "READY=1"
    RELOADING = "RELOADING=1"
    STOPPING = "STOPPING=1"
    ALIVE = "WATCHDOG=1"
    TRIGGER = "WATCHDOG=trigger"


@dataclass(frozen=True, slots=True)
class Notified:
    """A service spoke for itself.

    `status`: its own words, "" to take them back. `extend`: the seconds that it asks for from now. `watchdog`: the
    seconds in which it will give a sign of life from now on, 0: none any more.
    """

    name: str
    generation: int
    said: frozenset[Said]
    at: float
    status: str | None = None
    extend: float | None = None
    watchdog: float | None = None


class Found(StrEnum):
    """Who stands in an external service's place."""

    IT = "it"
    NOBODY = "nobody"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class Attached:
    """The answer to a look for an external service."""

    name: str
    generation: int
    found: Found
    detail: str
    at: float


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer ran out. Only the token armed last for this timer counts."""

    name: str
    timer: Timer
    token: int
    at: float


@dataclass(frozen=True, slots=True)
class Planned:
    """When a task runs next: in seconds since 1970, and `text` as people read it."""

    name: str
    next_run_at: float
    text: str
    at: float


@dataclass(frozen=True, slots=True)
class Due:
    """The time of a scheduled task has come, or had come (`missed`: so many times) while nobody could start it.

    `runs`: it is to run now. `next_run_at` and `text`: when it is due after that, as in Planned.
    """

    name: str
    next_run_at: float
    text: str
    at: float
    runs: bool = True
    missed: int = 0


Event = (
    Up | Stop | Restart | Down | Reload | Recalled | Touched
    | Spawned | SpawnFailed | Exited | OverMemory | Emptied | Probed | Notified | Attached | TimerFired
    | ErrandEnded | Planned | Due
)  # fmt: skip
