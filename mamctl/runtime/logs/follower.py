"""Following logs as they grow: whole lines only, through rotation, truncation, removal and creation."""

from __future__ import annotations

import contextlib
import heapq
import os
import select
import time
from typing import TYPE_CHECKING, Final

from mamctl.runtime.logs.inotify import Inotify
from mamctl.runtime.logs.trail import Trail

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from mamctl.runtime.logs.files import LogFiles
    from mamctl.runtime.logs.lines import Line

# How often to look without inotify, and how often even with it: kernels before 6.4 tell nothing of a splice.
_POLL: Final = 0.05
_SAFETY: Final = 0.25


class Follower:
    """Gives the lines that are added to logs. Close it, or use it in a `with`.

    It begins after what is there, or at the logical positions given (those of a Sink, a Line or another Follower),
    or, with neither, at the oldest line. Bounded in memory: about 1 MiB per log and call. A line over 64 KiB is given
    cut, with a mark. Who falls more than 16 MiB behind is taken ahead, and `skipped` tells by how much.
    """

    def __init__(
        self, logs: Sequence[LogFiles], *, from_now: bool = True, positions: Mapping[LogFiles, int] | None = None
    ) -> None:
        given = positions or {}
        self._trails = [Trail(files, given.get(files), from_now=from_now) for files in logs]
        self._inotify: Inotify | None = None
        with contextlib.suppress(OSError):
            self._inotify = Inotify(dict.fromkeys(os.path.dirname(files.path) or "." for files in logs))

    @property
    def positions(self) -> dict[LogFiles, int]:
        """Up to where each log has been given, as logical positions."""
        return {trail.files: trail.position for trail in self._trails}

    @property
    def skipped(self) -> int:
        """How many lines were passed over, in all, because the reader was too slow."""
        return sum(trail.skipped for trail in self._trails)

    @property
    def missed(self) -> int:
        """How many bytes were gone, in all, before they could be read: rotation removed their file."""
        return sum(trail.missed for trail in self._trails)

    @property
    def pending(self) -> bool:
        """Whether there is more to be had at once."""
        return any(trail.pending for trail in self._trails)

    def fileno(self) -> int | None:
        """Return a descriptor that is readable when there may be more, or None: then look every 50 ms.

        Look every 250 ms all the same: old kernels do not tell of everything.
        """
        return self._inotify.fileno() if self._inotify else None

    def poll(self, *, rest: bool = False) -> list[Line]:
        """Return the lines that have come, in the order of time; with `rest`, unfinished ones too, as they stand.

        None may come though there is more: in the middle of a line that is being cut, say. `pending` tells.
        """
        if self._inotify:
            self._inotify.clear()
        return list(heapq.merge(*(trail.poll(rest=rest) for trail in self._trails), key=lambda line: line.at))

    def wait(self, timeout: float) -> None:
        """Wait until there may be more, at most `timeout` seconds, and at most a quarter of one."""
        if self.pending or timeout <= 0:
            return
        if self._inotify is None:
            time.sleep(min(timeout, _POLL))
            return
        poller = select.poll()
        poller.register(self._inotify.fileno(), select.POLLIN)
        poller.poll(min(timeout, _SAFETY) * 1000)

    def close(self) -> None:
        """Close all files. May be called twice."""
        for trail in self._trails:
            trail.close()
        if self._inotify:
            self._inotify.close()
            self._inotify = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
