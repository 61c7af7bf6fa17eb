"""Linux's inotify: hearing of changes in a tree of folders, one watch for each folder.

watchfiles, which does this on other systems, follows links (one in the media folder that leads to `/` takes a watch for
every folder of the machine) and ends at the first name that is no UTF-8. Here only folders that a scan walks are
watched, and a name may be anything.
"""

import ctypes
import errno
import os
import select
import struct
import sys
import time
from collections.abc import Callable, Iterator
from typing import Self

IN_ATTRIB, IN_CLOSE_WRITE, IN_MOVED_FROM, IN_MOVED_TO, IN_CREATE, IN_DELETE = 0x4, 0x8, 0x40, 0x80, 0x100, 0x200
IN_Q_OVERFLOW, IN_IGNORED, IN_ISDIR = 0x4000, 0x8000, 0x40000000
IN_ONLYDIR, IN_DONT_FOLLOW, IN_EXCL_UNLINK = 0x1000000, 0x2000000, 0x4000000

WATCHED = (
    IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE
    | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK
)  # fmt: skip
"""Not every write: a file that is being written is looked at when it comes and when it is closed."""

BUFFER = 256 * 1024
_HEAD = struct.Struct("iIII")
_NOT_A_FOLDER = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES})
_IS_THERE = sys.platform.startswith("linux")


def is_there() -> bool:
    """Whether this system has inotify."""
    return _IS_THERE


class Inotify:
    """The watches of one tree. Not for several threads; close it."""

    def __init__(self, base: str, *, wanted: Callable[[str], bool]) -> None:
        """Watch ``base`` and every folder beneath it that is ``wanted``. Raises OSError, ENOSPC for too many."""
        self._base, self._wanted = base, wanted
        self._folders: dict[int, str] = {}
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        try:
            self._add(base)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End every watch."""
        os.close(self._descriptor)

    def __len__(self) -> int:
        return len(self._folders)

    def changes(self, *, wait_s: float, step_s: float, most_s: float) -> set[str]:
        """Return the paths at which something changed, ``base`` for more than is known; empty after ``wait_s``.

        What follows within ``step_s`` belongs to it, for ``most_s`` at most.
        """
        changed: set[str] = set()
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        until = time.monotonic() + wait_s + most_s
        patience = wait_s
        while time.monotonic() < until and poll.poll(patience * 1000):
            if not changed:
                until = time.monotonic() + most_s
            changed |= self._read()
            patience = step_s
        return changed

    def _read(self) -> set[str]:
        changed: set[str] = set()
        left: set[str] = set()
        for watch, mask, name in self._events():
            if mask & IN_Q_OVERFLOW:
                self._add(self._base)  # folders may have come that nobody told of
                changed.add(self._base)
            elif mask & IN_IGNORED:
                self._folders.pop(watch, None)
            elif name and (folder := self._folders.get(watch)) is not None:
                path = os.path.join(folder, name)
                changed.add(path)
                self._follow(path, mask, left)
        self._forget(left)
        return changed

    def _follow(self, path: str, mask: int, left: set[str]) -> None:
        if not mask & IN_ISDIR:
            return
        if mask & IN_MOVED_FROM:
            left.add(path)
        elif mask & (IN_CREATE | IN_MOVED_TO) and self._wanted(path):
            left.discard(path)
            self._add(path)

    def _events(self) -> Iterator[tuple[int, int, str]]:
        try:
            data = os.read(self._descriptor, BUFFER)
        except BlockingIOError:
            return
        at = 0
        while at < len(data):
            watch, mask, _, length = _HEAD.unpack_from(data, at)
            at += _HEAD.size + length
            yield watch, mask, os.fsdecode(data[at - length : at].rstrip(b"\0"))

    def _add(self, top: str) -> None:
        """Watch a folder, then what is in it: what comes in between is heard of, or is listed."""
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            if self._watch(folder):
                waiting += filter(self._wanted, _folders_in(folder))

    def _watch(self, folder: str) -> bool:
        # The same folder has the same number, under whatever path: one that was moved is known by its new one.
        number = self._libc.inotify_add_watch(self._descriptor, os.fsencode(folder), WATCHED)
        if number < 0 and ctypes.get_errno() in _NOT_A_FOLDER:
            return False  # gone again, or closed to us
        self._folders[self._checked(number)] = folder
        return True

    def _forget(self, left: set[str]) -> None:
        """End the watches of folders that were moved out of the tree; one moved within it has its new path by now."""
        if not left:
            return
        for number, folder in list(self._folders.items()):
            if not left.isdisjoint(_with_parents(folder, self._base)):
                self._libc.inotify_rm_watch(self._descriptor, number)
                del self._folders[number]

    def _checked(self, number: int) -> int:
        if number < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return number


def _folders_in(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _with_parents(folder: str, base: str) -> Iterator[str]:
    while len(folder) > len(base):
        yield folder
        folder = os.path.dirname(folder)
