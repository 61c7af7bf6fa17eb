"""How a process ended that is somebody else's child, as far as the kernel tells."""

from __future__ import annotations

import contextlib
import fcntl
import struct

from mamctl.runtime.processes import proc

# linux/pidfd.h: PIDFD_GET_INFO for a structure of 64 bytes, and the bit that asks for, or tells of, the exit status.
_GET_INFO = (3 << 30) | (64 << 16) | (0xFF << 8) | 11
_WITH_EXIT = 8
_EXIT_STATUS = 60


def wait_status(pidfd: int, pid: int) -> int | None:
    """Return the wait status of a process that has ended, or None when nobody can tell any more.

    A zombie shows it in its row, to its own user and to root; after that the pidfd does, if it was opened before the
    end (Linux 6.15).
    """
    text = proc.read(f"/proc/{pid}/stat")
    fields = text.rpartition(b") ")[2].split() if text else []
    if fields and fields[0] == b"Z" and fields[-1] != b"0":
        return int(fields[-1])
    info = bytearray(64)
    struct.pack_into("Q", info, 0, _WITH_EXIT)
    with contextlib.suppress(OSError, ValueError):  # ValueError: -1, where there are no pidfds
        fcntl.ioctl(pidfd, _GET_INFO, info)
        if struct.unpack_from("Q", info, 0)[0] & _WITH_EXIT:
            return int(struct.unpack_from("i", info, _EXIT_STATUS)[0])
    return 0 if fields and fields[0] == b"Z" and _may_read(pid) else None


def _may_read(pid: int) -> bool:
    """Tell whether a 0 in the row of a zombie is its status and not what strangers are shown."""
    return proc.read(f"/proc/{pid}/io") is not None
