"""Small files of /proc, read in one go.

A process that is gone, or hidden from us, is an ordinary answer (None). Anything else, such as no descriptor
being left, is raised: "nothing is left of this group" must never be concluded from a reading that failed.
"""

from __future__ import annotations

import os


def pids() -> list[int]:
    """Return the ids of all processes that exist now, zombies too."""
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def read(path: str, size: int = 4096) -> bytes | None:
    """Return at most `size` bytes of a file of /proc, or None when its process is gone or hidden from us."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    try:
        return os.read(descriptor, size)
    except (ProcessLookupError, PermissionError):
        return None
    finally:
        os.close(descriptor)


def read_whole(path: str, limit: int = 4 << 20) -> bytes | None:
    """Return a file of /proc of unknown length, cut at `limit` bytes, or None as `read` does."""
    try:
        with open(path, "rb", buffering=0) as file:
            pieces, left = [], limit
            while left > 0 and (piece := file.read(min(left, 65536))):
                pieces.append(piece)
                left -= len(piece)
            return b"".join(pieces)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
