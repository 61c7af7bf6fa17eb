"""The media folder, and the only way into it.

A path that comes from outside is checked as text first (a NUL would cut it short in the kernel,
a backslash is a separator elsewhere), then opened by openat2, which never leaves the folder. Where
there is no openat2 it is opened step by step without following links, from the path that was
resolved: what is opened is what was checked, whatever happens in between.
"""

import errno
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from .beneath import NoOpenat2, open_beneath

MAX_PATH_BYTES = 1024

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"[A-Za-z]:")
_NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR})
_STEP = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class PathRejected(ValueError):
    """A path that must not be used. The text says why and never repeats the path."""


def checked_path(path: str) -> str:
    """Return ``path`` if it is a plain path relative to the media folder; else raise PathRejected."""
    if not path:
        raise PathRejected("the path is empty")
    if _CONTROL.search(path):
        raise PathRejected("the path has a control character")
    if "\\" in path:
        raise PathRejected("the path has a backslash; use forward slashes")
    if path.startswith("/") or _DRIVE.match(path):
        raise PathRejected("the path is absolute; give it relative to the media folder")
    if any(part in {"", ".", ".."} for part in path.split("/")):
        raise PathRejected("the path has an empty part, '.' or '..'")
    try:
        size = len(path.encode("utf-8"))
    except UnicodeEncodeError:
        raise PathRejected("the path is not valid Unicode") from None
    if size > MAX_PATH_BYTES:
        raise PathRejected(f"the path is longer than {MAX_PATH_BYTES} bytes")
    return path


class MediaRoot:
    """The folder beneath which all media lie. It may be missing for a time (an unmounted disk)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def is_readable(self) -> bool:
        """Whether the folder is there and can be listed."""
        # Not Path.is_dir, which raises what a disk that went says (ESTALE, ENOTCONN, EIO).
        return os.path.isdir(self.folder) and os.access(self.folder, os.R_OK | os.X_OK)

    @property
    def reserved(self) -> frozenset[str]:
        """Names at the top of the folder that are not its own; here there are none."""
        return frozenset()

    def place_of(self, path: str) -> "tuple[MediaRoot, str]":
        """Return the folder that ``path`` belongs to, and the path in it: this one."""
        return self, path

    def open(self, path: str) -> int:
        """Open the regular file at the relative ``path`` and return its descriptor, yours to close.

        Raises PathRejected, FileNotFoundError or another OSError. Links are followed as long as
        they stay inside the folder.
        """
        base = os.path.realpath(self.folder)
        checked = checked_path(path)
        with suppress(NoOpenat2):
            return _opened_by_kernel(base, checked)
        return self._opened_in_steps(base, checked)

    def _opened_in_steps(self, base: str, checked: str) -> int:
        """Open it where the kernel does not see to it: resolve, compare, then walk the result without links."""
        target = os.path.realpath(os.path.join(base, checked))
        if os.path.commonpath((base, target)) != base or target == base:
            raise PathRejected("the path leads out of the media folder")
        try:
            return _open_beneath(base, os.path.relpath(target, base).split(os.sep))
        except OSError as error:
            if error.errno in _NOT_THERE:
                raise FileNotFoundError(error.errno, "there is no such file in the media folder") from None
            if error.errno in {errno.ELOOP, errno.ENAMETOOLONG}:
                raise PathRejected("the path cannot be followed") from None
            raise

    def remove(self, path: str) -> None:
        """Delete the file at the relative ``path``: the name itself, never what a link on the way leads to.

        Raises PathRejected, FileNotFoundError or another OSError.
        """
        *folders, name = checked_path(path).split("/")
        folder = _folder_beneath(os.path.realpath(self.folder), folders)
        try:
            os.unlink(name, dir_fd=folder)
        finally:
            os.close(folder)


def _opened_by_kernel(base: str, path: str) -> int:
    try:
        # O_NONBLOCK: opening a FIFO would otherwise wait for its writer.
        descriptor = open_beneath(base, path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.EXDEV:
            # An absolute link looks like a way out even where it leads back in; the steps tell them apart.
            raise NoOpenat2(error.errno, "a link that has to be looked at") from None
        if error.errno in _NOT_THERE:
            raise FileNotFoundError(error.errno, "there is no such file in the media folder") from None
        if error.errno in {errno.ELOOP, errno.ENAMETOOLONG}:
            raise PathRejected("the path cannot be followed") from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise PathRejected("the path does not name a regular file")
    return descriptor


def _folder_beneath(base: str, parts: list[str]) -> int:
    """Open a folder step by step and return its descriptor."""
    folder = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in parts:
        try:
            inner = os.open(part, _STEP | os.O_DIRECTORY, dir_fd=folder)
        finally:
            os.close(folder)
        folder = inner
    return folder


def _open_beneath(base: str, parts: list[str]) -> int:
    folder = _folder_beneath(base, parts[:-1])
    try:
        # O_NONBLOCK: opening a FIFO would otherwise wait for its writer.
        descriptor = os.open(parts[-1], _STEP | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise PathRejected("the path does not name a regular file")
    return descriptor


def closed(descriptor: int) -> None:
    """Close a descriptor whose reading is over; an error of closing has nobody to go to."""
    with suppress(OSError):
        os.close(descriptor)
