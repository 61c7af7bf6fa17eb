"""The lock on the data folder: one server at a time, and no reset beneath a running one."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path


class DataInUse(Exception):
    """Another process holds the data folder; ``pid`` is what it wrote down, or None."""

    def __init__(self, pid: int | None) -> None:
        holder = f"pid {pid}" if pid else "another process"
        super().__init__(f"the data folder is in use by {holder}")
        self.pid = pid


class DataLock:
    """Held from construction to :meth:`release`; the kernel frees it when the process dies."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise DataInUse(int(text) if text.isdecimal() else None) from None
        self.was_left = bool(os.pread(self._descriptor, 1, 0))
        """Whether the last one to hold it died with it in hand."""
        with suppress(OSError):  # the number is for people; on a full disk the lock holds without
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode("ascii"), 0)

    def release(self) -> None:
        """Let others have the data folder. The file stays: removing it would let two in."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


class DataHold:
    """What each worker holds together with others, and a reset holds ``alone``: no reset beneath a worker either."""

    def __init__(self, path: Path, *, alone: bool = False) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise DataInUse(None) from None

    def close(self) -> None:
        """Let go."""
        os.close(self._descriptor)
