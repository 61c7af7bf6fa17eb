"""How much processor and memory whole trees of processes use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mamctl.runtime.processes.stat import DEAD, PAGE, TICKS, Stat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

SHORTEST: Final = 0.1
"""Seconds under which ticks of 10 ms say nothing: an earlier question repeats the last answer's processor share."""

_NEWBORN: Final = 0.01


class Usage(NamedTuple):
    """What a tree uses: percent of one core (two busy threads: 200), resident bytes, and the pids of its processes."""

    cpu_percent: float
    memory_bytes: int
    pids: tuple[int, ...] = ()


class _Reading(NamedTuple):
    at: float
    ticks: int
    percent: float


class Sampler:
    """Remembers the last reading of each tree, for a share of processor time is always that of a span.

    A tree is the root, its descendants, and who stayed in the session that the root leads. `scan` lists the
    process table, `uptime` is the clock of its start times.
    """

    def __init__(self, scan: Callable[[], Iterable[Stat]], uptime: Callable[[], float]) -> None:
        self._scan = scan
        self._uptime = uptime
        self._last: dict[tuple[int, int], _Reading] = {}

    def sample(self, roots: Mapping[str, int]) -> dict[str, Usage]:
        """Return the usage of each tree (by the caller's name for it) since its last sample, or since its start.

        One pass over the process table serves all. A tree of which nothing is left is not in the answer.
        """
        table = {row.pid: row for row in self._scan()}
        now = self._uptime()
        trees = _trees(table, frozenset(roots.values()))
        used = {root: self._usage(table.get(root, rows[0]), rows, now) for root, rows in trees.items()}
        self._forget(table)
        return {name: used[root] for name, root in roots.items() if root in used}

    def _usage(self, root: Stat, rows: list[Stat], now: float) -> Usage:
        ticks = sum(row.cpu_ticks + row.reaped_ticks for row in rows)
        memory = sum(row.rss_pages for row in rows) * PAGE
        pids = tuple([row.pid for row in rows if row.state not in DEAD])
        key = (root.pid, root.start_ticks)
        last = self._last.get(key)
        if last and now - last.at < SHORTEST:
            return Usage(last.percent, memory, pids)
        since = last or _Reading(min(root.start_ticks / TICKS, now - _NEWBORN), 0, 0.0)
        # Less than before: an orphan left the tree and took its past along. Nobody used negative time.
        percent = max(0.0, (ticks - since.ticks) / TICKS / (now - since.at) * 100)
        self._last[key] = _Reading(now, ticks, percent)
        return Usage(percent, memory, pids)

    def _forget(self, table: Mapping[int, Stat]) -> None:
        gone = [key for key in self._last if key[0] not in table or table[key[0]].start_ticks != key[1]]
        for key in gone:
            del self._last[key]


def _trees(table: Mapping[int, Stat], roots: frozenset[int]) -> dict[int, list[Stat]]:
    """Give every process to the nearest root above it; a tree in which nobody runs any more is none.

    Zombies count: the time they used moves to their parent's only when they are reaped.
    """
    owners = {root: root for root in roots}
    trees: dict[int, list[Stat]] = {}
    for row in table.values():
        if owner := _owner(row, table, roots, owners):
            trees.setdefault(owner, []).append(row)
    return {root: rows for root, rows in trees.items() if any(row.state not in DEAD for row in rows)}


def _owner(row: Stat, table: Mapping[int, Stat], roots: frozenset[int], owners: dict[int, int]) -> int:
    """Climb to the first process whose owner is known and write it down for all on the way; 0: nobody's."""
    path: list[int] = []
    step: Stat | None = row
    while step is not None and step.pid not in owners and step.sid not in roots:
        owners[step.pid] = 0
        path.append(step.pid)
        step = table.get(step.ppid)
    owner = 0 if step is None else owners.get(step.pid, step.sid)
    owners.update(dict.fromkeys(path, owner))
    return owner
