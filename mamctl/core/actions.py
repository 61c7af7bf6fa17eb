"""What the hands are to do: plain data, so that tests compare lists."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from mamctl.core.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.core.manifest.schedules import Schedule
    from mamctl.core.states import Errand, Purpose, Timer


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start the process of this generation; answer Spawned or SpawnFailed."""

    name: str
    generation: int


@dataclass(frozen=True, slots=True)
class Attach:
    """Look once who stands in an external service's place; answer Attached."""

    name: str
    generation: int


@dataclass(frozen=True, slots=True)
class Signal:
    """Send a signal to the process group."""

    name: str
    generation: int
    signal: int


@dataclass(frozen=True, slots=True)
class Run:
    """Run a command of the manifest about a service; answer ErrandEnded. One that still runs is ended."""

    name: str
    generation: int
    errand: Errand


@dataclass(frozen=True, slots=True)
class Cancel:
    """End the command that runs about a service; it is not answered any more."""

    name: str


@dataclass(frozen=True, slots=True)
class Clean:
    """See that nothing is left of this generation and that its ports are free; answer Emptied."""

    name: str
    generation: int


@dataclass(frozen=True, slots=True)
class StartProbe:
    """Ask again and again, fast while starting; answers are Probed. Replaces the probe of the same purpose."""

    name: str
    generation: int
    purpose: Purpose
    fast: bool


@dataclass(frozen=True, slots=True)
class StopProbes:
    """Ask no more about this service."""

    name: str


@dataclass(frozen=True, slots=True)
class ArmTimer:
    """Answer TimerFired after `delay` seconds."""

    name: str
    timer: Timer
    token: int
    delay: float


@dataclass(frozen=True, slots=True)
class Reconfigure:
    """Keys that apply in place changed (log rotation)."""

    name: str


@dataclass(frozen=True, slots=True)
class Follow:
    """Follow a schedule: answer Planned, and Due when it is time; None: no more.

    `since`: the seconds since 1970 of a run that an earlier supervisor had planned; who knows what became of it.
    """

    name: str
    schedule: Schedule | None
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell the world; `kind` is one of the event types of the contract."""

    kind: str
    name: str | None
    generation: int
    data: Mapping[str, object] = field(default_factory=dict)


Action = (
    Spawn | Attach | Signal | Run | Cancel | Clean | StartProbe | StopProbes | ArmTimer | Reconfigure | Follow
    | Announce
)  # fmt: skip
