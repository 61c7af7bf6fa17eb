"""The hole that a splice leaves in a file which somebody truncated at that very moment, and how it is closed.

A splice names the offset it writes to, for the kernel refuses to splice into files opened to append. Between the look
at the file's size and the splice others can truncate it; the bytes then land behind a gap that reads as NULs.

Only the standard library, and little of it: the guardian uses this, too.
"""

from __future__ import annotations

import os

# So many bytes before the end are remembered: where they changed, the file was cut.
_KNOWN = 16
_PIECE = 1 << 16


def before(descriptor: int, end: int) -> bytes:
    """Return the last bytes before `end`, to be shown to `close_gap` after the splice."""
    return os.pread(descriptor, min(_KNOWN, end), max(0, end - _KNOWN))


def close_gap(descriptor: int, end: int, moved: int, known: bytes) -> int:
    """Put `moved` bytes that landed at `end` of a truncated file to where it really ends.

    Return where they begin now: `end` itself when nobody truncated it. Raises OSError.
    """
    found = before(descriptor, end)
    if found == known or len(found) < len(known):
        return end  # as it was; or it was cut after the splice, and there is no gap
    start = _content(descriptor, end)
    # What the cut itself met in the middle of the splice is a gap too.
    data = os.pread(descriptor, moved, end).lstrip(b"\0")
    os.pwrite(descriptor, data, start)
    os.ftruncate(descriptor, start + len(data))
    return start


def _content(descriptor: int, end: int) -> int:
    """Return the size of what others wrote before the gap: whoever truncates a file may have begun it anew."""
    end = min(end, os.lseek(descriptor, 0, os.SEEK_HOLE))
    while end > 0:
        start = max(0, end - _PIECE)
        if data := os.pread(descriptor, end - start, start).rstrip(b"\0"):
            return start + len(data)
        end = start
    return 0
