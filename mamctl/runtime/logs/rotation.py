"""Rotation by rename, so made that a kill at any point loses and doubles nothing.

    1  <log>.new is written: the unfinished last line, with an index that names the old log and where it is cut
    2  the old log is cut there
    3  .1 .. move up by one, only to the first gap: what the user removed makes room
    4  <log> becomes .1
    5  <log>.new becomes <log>

Killed before 2: the old log still has everything and `.new` is thrown away. Killed later: `finish` does the rest. An
index moves before its log, and readers pair the two by inode and not by name, so neither a crash nor a reader in the
middle of a shift puts a log's times on another one.
"""

from __future__ import annotations

import contextlib
import os

from mamctl.runtime.logs.files import numbered, unborn
from mamctl.runtime.logs.record import Header, read_header


def swap(path: str, index: str, keep: int) -> None:
    """Do the renames (steps 3 to 5), keeping `keep` old files. Raises OSError."""
    if keep > 0:
        _shift(path, index, keep)
        _move(index, numbered(index, 1))
        _move(path, numbered(path, 1))
    _move(unborn(index), index)
    _move(unborn(path), path)
    _forget(path, index, keep)


def finish(path: str, index: str, keep: int) -> None:
    """Complete, or undo, a rotation that a kill interrupted. Raises OSError."""
    if not os.path.lexists(unborn(path)):
        return
    if not os.path.lexists(path):
        _move(unborn(index), index)
        _move(unborn(path), path)
        return
    header = read_header(unborn(index))
    if header and _was_cut(path, header):
        swap(path, index, keep)
        return
    discard(path, index)


def discard(path: str, index: str) -> None:
    """Remove what was prepared for a rotation that does not take place."""
    for prepared in (unborn(path), unborn(index)):
        with contextlib.suppress(OSError):
            os.unlink(prepared)


def _was_cut(path: str, header: Header) -> bool:
    status = os.lstat(path)
    return status.st_ino == header.previous and status.st_size <= header.cut


def _shift(path: str, index: str, keep: int) -> None:
    """Free number 1. Without a gap the oldest is overwritten."""
    gap = next((n for n in range(1, keep) if not os.path.lexists(numbered(path, n))), keep)
    for number in range(gap - 1, 0, -1):
        _move(numbered(index, number), numbered(index, number + 1))
        _move(numbered(path, number), numbered(path, number + 1))


def _forget(path: str, index: str, keep: int) -> None:
    """Remove what lies beyond `keep`: there is something only after `keep` was lowered."""
    number = keep + 1
    while os.path.lexists(numbered(path, number)):
        os.unlink(numbered(path, number))
        with contextlib.suppress(OSError):
            os.unlink(numbered(index, number))
        number += 1


def _move(source: str, target: str) -> None:
    """Rename, unless an earlier, interrupted rotation has done so already."""
    with contextlib.suppress(FileNotFoundError):
        os.rename(source, target)
