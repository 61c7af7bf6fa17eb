"""CPU and memory over time: the last samples of each service, and lines of blocks that show their shape."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Row = Mapping[str, Any]

KEPT: Final = 120
BLOCKS: Final = "▁▂▃▄▅▆▇█"
BLOCKS_PLAIN: Final = "_.:-=+*#"
# A tenth of a core fills the height at least: noise of an idle service is no mountain.
LEAST_CPU: Final = 10.0
# Memory is drawn round its middle, so that a steady one is a level line; less than this share of it is noise.
LEAST_SWING: Final = 0.2


class Series(NamedTuple):
    """The samples of one service, oldest first; None where there was no process."""

    cpu: deque[float | None]
    memory: deque[float | None]


class Figures:
    """The last samples of every service that there is now."""

    def __init__(self) -> None:
        self._series: dict[str, Series] = {}

    def take(self, rows: Sequence[Row]) -> None:
        """Add what a status says; services that are gone are forgotten."""
        kept = {}
        for row in rows:
            name = str(row["name"])
            series = self._series.get(name) or Series(deque(maxlen=KEPT), deque(maxlen=KEPT))
            series.cpu.append(row.get("cpu_percent"))
            series.memory.append(row.get("memory_bytes"))
            kept[name] = series
        self._series = kept

    def of(self, name: str) -> Series:
        """Return the samples of a service; none where it is not known."""
        return self._series.get(name) or Series(deque(), deque())


def cpu_line(values: Sequence[float | None], width: int, *, unicode: bool) -> str:
    """Return shares of a core as blocks, the newest at the right."""
    shown = list(values)[-width:]
    top = max((value for value in shown if value is not None), default=0.0)
    return _blocks(shown, 0.0, max(top, LEAST_CPU), unicode=unicode).rjust(width)


def memory_line(values: Sequence[float | None], width: int, *, unicode: bool) -> str:
    """Return bytes as blocks, the newest at the right: how they changed, not how many they are."""
    shown = list(values)[-width:]
    known = [value for value in shown if value is not None]
    if not known:
        return " " * width
    low, high = min(known), max(known)
    swing = max(high - low, LEAST_SWING * high, 1.0)
    bottom = (low + high - swing) / 2
    return _blocks(shown, bottom, bottom + swing, unicode=unicode).rjust(width)


def _blocks(values: Sequence[float | None], bottom: float, top: float, *, unicode: bool) -> str:
    wheel = BLOCKS if unicode else BLOCKS_PLAIN
    scale = len(wheel) / (top - bottom)
    return "".join(" " if value is None else wheel[_step(value - bottom, scale, len(wheel))] for value in values)


def _step(above: float, scale: float, steps: int) -> int:
    return min(steps - 1, max(0, int(above * scale)))
