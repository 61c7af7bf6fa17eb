"""What moves the services' output while no supervisor does: the guardian's part of `logs`.

Only the standard library, and little of it: the guardian is made of this.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import time
from zlib import crc32

from mamctl.runtime.logs.hole import before, close_gap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mamctl.runtime.wire import Message

_CHUNK = 1 << 16
_OPEN = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW


class Drain:
    """Moves what waits in a FIFO to the end of a log while no brain does, inside the kernel where that can be."""

    def __init__(self, fifo: int, paths: Message) -> None:
        self.fifo = fifo
        self.lost = 0
        self._paths = paths
        self._log = self._index = -1
        self._can_splice = hasattr(os, "splice")

    def move(self) -> int:
        """Move once what waits; return the bytes. What cannot be stored is dropped: a service is never blocked."""
        try:
            return self._store()
        except (BlockingIOError, FileNotFoundError):
            # A log that is about to be replaced is a brain's: it knows how far the rotation had come.
            return 0
        except OSError as error:
            if self._can_splice and error.errno in (errno.EINVAL, errno.ENOSYS):
                self._can_splice = False
                return self.move()
            return self._drop()

    def close(self) -> None:
        """Let go of log and index; the FIFO is not ours."""
        for descriptor in (self._log, self._index):
            if descriptor >= 0:
                os.close(descriptor)
        self._log = self._index = -1

    def _store(self) -> int:
        if self._log >= 0 and not os.fstat(self._log).st_nlink:
            self.close()
        if self._log < 0:
            self._open()
        end = os.fstat(self._log).st_size
        self._stamp(end)
        if self._can_splice:
            known = before(self._log, end)
            moved = os.splice(self.fifo, self._log, _CHUNK, offset_dst=end, flags=3)
            close_gap(self._log, end, moved, known)
            return moved
        data = os.read(self.fifo, _CHUNK)
        self.lost += len(data) - os.pwrite(self._log, data, end)
        return len(data)

    def _open(self) -> None:
        """Open the log, or make one where somebody removed it: no service is to wait for a brain that may not come."""
        if os.path.lexists(self._paths["log"] + ".new"):
            raise FileNotFoundError
        try:
            self._log = os.open(self._paths["log"], _OPEN)
        except FileNotFoundError:
            # The index is about the log that was removed, even if the new one gets its inode.
            with contextlib.suppress(OSError):
                os.unlink(self._paths["index"])
            self._log = os.open(self._paths["log"], _OPEN | os.O_CREAT | os.O_EXCL, 0o600)
        with contextlib.suppress(OSError):
            self._index = os.open(self._paths["index"], _OPEN)

    def _stamp(self, end: int) -> None:
        """Write ahead of the bytes when they came, as `logs.record` lays it down; not beside a strange index."""
        if self._index < 0:
            return
        size = 48 + max(0, os.fstat(self._index).st_size - 48) // 24 * 24
        head, last = os.pread(self._index, 16, 0), os.pread(self._index, 24, max(48, size - 24))
        if len(last) < 24 or struct.unpack_from("<Q", head, 8)[0] != os.fstat(self._log).st_ino:
            return
        body = struct.pack("<QqI", end, time.time_ns(), struct.unpack_from("<I", last, 16)[0])
        with contextlib.suppress(OSError):
            os.pwrite(self._index, body + struct.pack("<I", crc32(body)), size)

    def _drop(self) -> int:
        with contextlib.suppress(BlockingIOError):
            dropped = len(os.read(self.fifo, _CHUNK))
            self.lost += dropped
            return dropped
        return 0
