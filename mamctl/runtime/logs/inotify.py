"""A descriptor that is readable when something changed in one of some folders or files: inotify, through ctypes."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING, Final

from mamctl.runtime.without import lacks

if TYPE_CHECKING:
    from collections.abc import Iterable

# IN_MODIFY | IN_MOVED_TO | IN_CREATE | IN_DELETE: a write, and what rotation, removal and creation look like.
_CHANGES: Final = 0x2 | 0x80 | 0x100 | 0x200


class Inotify:
    """Watches files and folders for changes of their content. Close it.

    Raises OSError when the system has no inotify, or no instance or watch of it left.
    """

    def __init__(self, paths: Iterable[str] = ()) -> None:
        import ctypes

        self._libc = ctypes.CDLL(None, use_errno=True)
        if lacks("inotify") or not hasattr(self._libc, "inotify_init1"):
            raise OSError(errno.ENOSYS, "no inotify here")
        self._errno = ctypes.get_errno
        self._fd: int = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise self._failure("inotify")
        try:
            for path in paths:
                self.follow(path)
        except OSError:
            self.close()
            raise

    def follow(self, path: str, descriptor: int | None = None) -> None:  # noqa: ARG002 - inotify knows files by path
        """Watch this file, or the files of this folder, too."""
        if self._libc.inotify_add_watch(self._fd, os.fsencode(path), _CHANGES) < 0:
            raise self._failure(path)

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._fd

    def clear(self) -> None:
        """Take away what was reported, so that only what comes later makes the descriptor readable."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self._fd, 1 << 16):
                pass

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._fd)

    def _failure(self, path: str) -> OSError:
        return OSError(self._errno(), os.strerror(self._errno()), path)
