"""The events: numbered, told to those who listen, and kept on disk as JSON lines across supervisors.

The file is bounded: at `LARGEST` bytes it becomes `events.1` and a new one begins. Listeners are told through
callbacks that may only enqueue; whoever cannot keep up is their own owner's problem, never the supervisor's.
"""

from __future__ import annotations

import json
import os
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LARGEST = 4_000_000
REMEMBERED = 2000
TAIL = 65536

Event = dict[str, Any]


class History:
    """Numbers events, remembers the last ones, appends all of them to a file."""

    def __init__(self, path: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path = path
        self._now = now
        self._recent: deque[Event] = deque(maxlen=REMEMBERED)
        self._listeners: dict[Callable[[Event], None], None] = {}
        self._unwritten: list[Event] = []
        self._seq = last_seq(path)
        self._broken = False

    def record(self, kind: str, service: str | None, generation: int, data: Mapping[str, object]) -> Event:
        """Give an event its number and tell the listeners; `flush` writes it."""
        self._seq += 1
        at = self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event = {
            "seq": self._seq, "at": at, "service": service, "generation": generation, "type": kind, "data": dict(data),
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

    def since(self, seq: int) -> list[Event]:
        """Return the events after `seq`, from memory, else from the file."""
        if self._recent and self._recent[0]["seq"] <= seq + 1:
            return [event for event in self._recent if event["seq"] > seq]
        self.flush()
        return [event for event in read_events(self._path) if event["seq"] > seq]

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
            self._broken = True

    def _append(self, data: bytes) -> None:
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            # A torn line of an earlier failure must not swallow the first of these.
            os.write(file, b"\n" + data if self._broken else data)
            self._broken = False
            if os.fstat(file).st_size > LARGEST:
                os.replace(self._path, f"{self._path}.1")
        finally:
            os.close(file)


def read_events(path: str) -> list[Event]:
    """Return all events on disk, oldest first; torn or foreign lines are passed over."""
    found = []
    for name in (f"{path}.1", path):
        try:
            with open(name, "rb") as file:
                found += [event for line in file if (event := parse(line)) is not None]
        except OSError:
            continue
    return found


def parse(line: bytes) -> Event | None:
    """Return the event of a line, or None when it is not one."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("seq"), int) else None


def last_seq(path: str) -> int:
    """Return the number of the last event on disk, 0 when there is none."""
    for name in (path, f"{path}.1"):
        try:
            with open(name, "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
                lines = file.read().splitlines()
        except OSError:
            continue
        for line in reversed(lines):
            if event := parse(line):
                return int(event["seq"])
    return 0
