"""The events on disk: JSON lines in the order of their numbers, in a file and the one that it was before.

Quick to import, for the command line reads them without a supervisor. Torn and foreign lines are passed over.
"""

from __future__ import annotations

import json
import os
from contextlib import ExitStack, suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TAIL = 65536

Event = dict[str, Any]


def read_events(path: str) -> list[Event]:
    """Return all events on disk, oldest first."""
    return list(_all_after(path, 0))


def events_after(path: str, seq: int, limit: int) -> list[Event]:
    """Return the first `limit` events after `seq`; what comes before them is not read."""
    return list(islice(_all_after(path, seq), limit))


def last_seq(path: str) -> int:
    """Return the number of the last event on disk, 0 when there is none."""
    for name in (path, _older(path)):
        # Nearly always the last lines have it; if they are all torn or foreign, some line before them does.
        for most in (TAIL, None):
            if event := next(_parsed(reversed(_last_lines(name, most))), None):
                return int(event["seq"])
    return 0


def parse(line: bytes) -> Event | None:
    """Return the event of a line, or None when it is not one."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or type(event.get("seq")) is not int or not isinstance(event.get("type"), str):
        return None
    return event


def _older(path: str) -> str:
    return f"{path}.1"


def _all_after(path: str, seq: int) -> Iterator[Event]:
    with ExitStack() as stack:
        for file in _files(path, stack):
            file.seek(_offset(file, seq))
            yield from (event for event in _parsed(file) if event["seq"] > seq)


def _files(path: str, stack: ExitStack) -> list[BinaryIO]:
    """Open both, the newer first: if it becomes the older one meanwhile, it is found twice and read once."""
    found: list[BinaryIO] = []
    for name in (path, _older(path)):
        with suppress(OSError):
            found.append(stack.enter_context(open(name, "rb")))  # noqa: SIM115 - the stack closes it
    if len(found) == 2 and os.path.sameopenfile(found[0].fileno(), found[1].fileno()):
        found.pop()
    return found[::-1]


def _parsed(lines: Iterable[bytes]) -> Iterator[Event]:
    return (event for line in lines if (event := parse(line)) is not None)


def _last_lines(path: str, most: int | None) -> list[bytes]:
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - most) if most else 0)
            return file.read().splitlines()
    except OSError:
        return []


def _offset(file: BinaryIO, seq: int) -> int:
    """Return an offset before the first event after `seq`: the numbers rise, so half of what is left decides."""
    low, high = 0, os.fstat(file.fileno()).st_size
    while high - low > TAIL:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline()
        found = next(_parsed(file), None)
        if found is not None and found["seq"] <= seq:
            low = middle
        else:
            high = middle
    return low
