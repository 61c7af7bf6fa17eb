"""What a sink tells its supervisor; small values that become events."""

from __future__ import annotations

from mamctl.core.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Dropped:
    """Output is being thrown away because it cannot be stored; the numbers count from the beginning of this loss."""

    bytes: int
    lines: int
    reason: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """Output is stored again; `bytes` and `lines` are what the loss came to."""

    bytes: int
    lines: int


@dataclass(frozen=True, slots=True)
class Rotated:
    """The log was full; what it held lies at `path` now (the log's own path: none is kept, it is gone)."""

    path: str


@dataclass(frozen=True, slots=True)
class Reset:
    """Somebody else truncated, removed or replaced the log; it goes on in what is there now."""

    reason: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something beside the output itself went wrong (index, rotation); output is stored all the same."""

    reason: str


Notice = Dropped | Resumed | Rotated | Reset | Trouble
