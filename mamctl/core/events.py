"""What happens to a supervisor: every event that `Supervisor.step` understands.

`at` is monotonic seconds; `luck` is a random number from 0 to 1 that jitter is made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mamctl.core.manifest.model import Manifest
    from mamctl.core.states import Purpose, Reason, Timer


@dataclass(frozen=True, slots=True)
class Up:
    """The operator wants these services; `alone`: without what they depend on, unless that is coming anyway."""

    names: tuple[str, ...]
    at: float
    alone: bool = False


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


@dataclass(frozen=True, slots=True)
class Exited:
    """The process ended: `code`, or the number of the `signal` that killed it."""

    name: str
    generation: int
    code: int | None
    signal: int | None
    at: float
    luck: float = 0.5


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
class Probed:
    """A probe's answer."""

    name: str
    generation: int
    purpose: Purpose
    ok: bool
    detail: str
    at: float


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


Event = Up | Stop | Restart | Down | Reload | Spawned | SpawnFailed | Exited | Emptied | Probed | Attached | TimerFired
