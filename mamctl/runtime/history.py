"""The events: numbered, told to those who listen, and kept on disk as JSON lines across supervisors.

The file is bounded: at `LARGEST` bytes it becomes `events.1` and a new one begins. Listeners are told through
callbacks that may only enqueue; whoever cannot keep up is their own owner's problem, never the supervisor's.
"""

from __future__ import annotations

import json
import os
from collections import deque
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from mamctl.runtime.eventfile import events_after, last_seq, read_events

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["History", "last_seq", "read_events"]

LARGEST = 4_000_000
REMEMBERED = 2000

Event = dict[str, Any]


class History:
    """Numbers events, remembers the last ones, appends all of them to a file.

    `hide` is what every event's data goes through before anybody sees it. `began`: the number of the last event before
    this supervisor.
    """

    def __init__(self, path: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path = path
        self._now = now
        self._recent: deque[Event] = deque(maxlen=REMEMBERED)
        self._listeners: dict[Callable[[Event], None], None] = {}
        self._unwritten: list[Event] = []
        self._seq = self.began = last_seq(path)
        # What was on disk before us may end in a torn line, which must not swallow our first.
        self._torn = True
        self.hide: Callable[[dict[str, object]], dict[str, object]] = dict

    def record(self, kind: str, service: str | None, generation: int, data: Mapping[str, object]) -> Event:
        """Give an event its number and tell the listeners; `flush` writes it."""
        self._seq += 1
        at = self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        shown = self.hide(dict(data))
        event = {
            "seq": self._seq, "at": at, "service": service, "generation": generation, "type": kind, "data": shown,
        }  # fmt: skip
        self._recent.append(event)
        self._unwritten.append(event)
        for listener in tuple(self._listeners):
            listener(event)
        return event

    def listen(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Tell every event to `listener` from now on; return what ends that."""
        self._listeners[listener] = None

        def unlisten() -> None:
            self._listeners.pop(listener, None)

        return unlisten

    def since(self, seq: int, limit: int) -> list[Event]:
        """Return the first `limit` events after `seq`: the older ones from the file, as far as it has them."""
        remembered = self._seq + 1 - len(self._recent)
        if seq + 1 < remembered:
            older = events_after(self._path, seq, limit)
            if found := [event for event in older if event["seq"] < remembered]:
                return found
        first = max(0, seq + 1 - remembered)
        return list(islice(self._recent, first, first + limit))

    @property
    def last(self) -> int:
        """The number of the newest event."""
        return self._seq

    def flush(self) -> None:
        """Append what is new to the file. A full disk costs the events their durability, nothing else."""
        if not self._unwritten:
            return
        text = "".join(json.dumps(event, default=str) + "\n" for event in self._unwritten)
        self._unwritten.clear()
        try:
            self._append(text.encode())
        except OSError:
            self._torn = True

    def _append(self, data: bytes) -> None:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            size = os.fstat(file).st_size
            if self._torn and size and os.pread(file, 1, size - 1) != b"\n":
                data = b"\n" + data
            # A full disk may take only a part of it.
            self._torn = os.write(file, data) < len(data)
            if size + len(data) > LARGEST:
                os.replace(self._path, f"{self._path}.1")
        finally:
            os.close(file)
