"""``openat2``: opening a path of which the kernel itself sees to it that it stays beneath a folder.

Linux 5.6 and newer have it. Python has no name for it, so it is called by its number, which is the same
on every architecture. The kernel holds to it while it walks, so nothing can be swapped in between.
"""

import ctypes
import errno
import os
import sys
from functools import lru_cache

OPENAT2 = 437
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_BENEATH = 0x08
TRIES = 8
"""The kernel gives up with EAGAIN when something was renamed while it walked."""


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


class NoOpenat2(OSError):
    """This kernel, or what confines this process, has no openat2."""


def open_beneath(base: str, path: str, flags: int) -> int:
    """Open ``path`` relative to ``base`` and return the descriptor.

    Links are followed as long as they are relative and stay beneath. Raises NoOpenat2, or OSError with EXDEV
    for a path that leads out. ``path`` must not have a NUL: C would read it as shorter than it is.
    """
    syscall = _syscall()
    folder = os.open(base, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    how = _OpenHow(flags | os.O_CLOEXEC, 0, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS)
    try:
        for _ in range(TRIES):
            descriptor = syscall(OPENAT2, folder, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how))
            if descriptor >= 0:
                return int(descriptor)
            if ctypes.get_errno() != errno.EAGAIN:
                break
    finally:
        os.close(folder)
    code = ctypes.get_errno()
    if code in {errno.ENOSYS, errno.EPERM, errno.EINVAL, errno.E2BIG}:
        raise NoOpenat2(code, "openat2 cannot be used here")
    raise OSError(code, os.strerror(code))


@lru_cache(maxsize=1)
def _syscall() -> "ctypes._NamedFuncPointer":
    if not sys.platform.startswith("linux"):
        raise NoOpenat2(errno.ENOSYS, "openat2 cannot be used here")
    function = ctypes.CDLL(None, use_errno=True).syscall
    function.restype = ctypes.c_long
    function.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t)
    return function
