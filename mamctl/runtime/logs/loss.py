"""What cannot be stored: counted, told, and marked in the log once there is space again."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

from mamctl.runtime.logs.notices import Dropped, Resumed

if TYPE_CHECKING:
    from collections.abc import Callable

    from mamctl.runtime.logs.notices import Notice

RETRY: Final = 0.2
"""Seconds between two attempts to store again."""
TELL: Final = 5.0
"""Seconds between two notices of one loss; a loss that follows another within them is the same trouble."""
# With less free space than this, storing would only begin to end again.
_ENOUGH: Final = 1 << 16


class Loss:
    """One time of loss, from the first byte that could not be stored to the first that can."""

    def __init__(self, reason: str, *, again: bool = False) -> None:
        """`again`: the last loss ended just now, so this one is given more time, lest the two fill the log."""
        self.reason = reason
        self.bytes = 0
        self.lines = 0
        self.retry_at = time.monotonic() + (TELL if again else RETRY)
        self._torn = False
        self._tell_at = 0.0

    def count(self, data: bytes, report: Callable[[Notice], None]) -> None:
        """Count what is thrown away; tell of it at the beginning, then at most every 5 s."""
        if not data:
            return
        self._add(data)
        if time.monotonic() >= self._tell_at:
            self.tell(report)

    def tell(self, report: Callable[[Notice], None]) -> None:
        """Tell the totals so far."""
        self._tell_at = time.monotonic() + TELL
        report(Dropped(self.bytes, self.lines, self.reason))

    def postpone(self) -> None:
        """Let the next attempt to store come after RETRY seconds."""
        self.retry_at = time.monotonic() + RETRY

    def without_torn_head(self, data: bytes) -> bytes:
        """Return `data` from its first line start on: the head of a line that was dropped takes its tail along."""
        return data[data.find(b"\n") + 1 or len(data) :] if self._torn else data

    def has_space(self, path: str) -> bool:
        """Tell whether the file system of `path` has room worth beginning for; yes when it does not say."""
        try:
            space = os.statvfs(os.path.dirname(path) or ".")
        except OSError:
            return True
        blocks = space.f_bavail if os.geteuid() else space.f_bfree
        return blocks * space.f_frsize >= _ENOUGH

    def mark(self, head: bytes) -> bytes:
        """Return the line that stands for all that was lost, `head` (the end of a torn line) included."""
        lines, lost = self.lines + head.count(b"\n"), self.bytes + len(head)
        if not lost:
            return b""
        reason = self.reason[:1].lower() + self.reason[1:]
        return f"[mamctl] dropped {_many(lines, 'line')} ({_many(lost, 'byte')}): {reason}\n".encode()

    def end(self, head: bytes, report: Callable[[Notice], None]) -> None:
        """Tell that output is stored again, unless nothing was lost after all."""
        self._add(head)
        if self.bytes:
            report(Resumed(self.bytes, self.lines))

    def _add(self, data: bytes) -> None:
        if data:
            self.bytes += len(data)
            self.lines += data.count(b"\n")
            self._torn = not data.endswith(b"\n")


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
