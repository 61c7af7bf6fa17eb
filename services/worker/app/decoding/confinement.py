"""What the decoder process takes away from itself before it meets the first file.

Limits of memory and files work everywhere. On Linux a seccomp filter adds that no file can be opened, no socket made
and no program started from then on, whatever a hostile file makes the decoders do: what is needed was loaded before.
"""

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from contextlib import suppress

MEMORY_BYTES = 3 << 30

PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
SECCOMP_RET_ALLOW = 0x7FFF0000
SECCOMP_RET_ERRNO = 0x00050000
EPERM = 1

# The numbers of: open, creat, openat, openat2, socket, connect, bind, execve, execveat, fork, vfork, ptrace, kill,
# unlink, rename, unlinkat, renameat, renameat2, mkdirat, process_vm_readv, pidfd_open, io_uring_setup, bpf, mount.
# An architecture that is not named here is confined by the limits alone.
_REFUSED = {
    "x86_64": (0xC000003E, (2, 85, 257, 437, 41, 42, 49, 59, 322, 57, 58, 101, 62, 87, 82, 263, 264, 316, 258, 310,
                            434, 425, 321, 165)),
    "aarch64": (0xC00000B7, (56, 437, 198, 203, 200, 221, 281, 117, 129, 35, 38, 276, 34, 270, 434, 425, 280, 40)),
}  # fmt: skip

BPF_LOAD = 0x20
BPF_EQUAL = 0x15
BPF_AT_LEAST = 0x35
BPF_RETURN = 0x06
X32 = 0x40000000
"""From here on, x86_64 counts the same calls a second time."""

OFFSET_NUMBER = 0
OFFSET_ARCHITECTURE = 4


def limit() -> None:
    """Bound memory, core files and what can be written; be nice. Not every system knows each limit."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Signals to the whole group are the worker's: if we fell first, the file in hand would look as if it did it.
        signal.signal(number, signal.SIG_IGN)
    for name, value in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)):
        with suppress(OSError, ValueError):
            resource.setrlimit(name, (value, value))
    with suppress(OSError):
        os.nice(5)  # thumbnails wait, people do not


def allow_cpu(seconds: int) -> None:
    """Let the kernel end this process after so many more seconds of CPU time."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + 1 + seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def seal() -> bool:
    """Give up files, sockets and programs for good; False where the system has no such thing."""
    known = _REFUSED.get(platform.machine())
    if not sys.platform.startswith("linux") or known is None:
        return False
    program = _filter(*known)
    code = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: a count of instructions and a pointer to them, at the pointer's alignment.
    head = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.create_string_buffer(head), 0, 0) == 0)


def _filter(architecture: int, refused: tuple[int, ...]) -> bytes:
    """Return the BPF program: another architecture's calls and the refused ones get EPERM."""
    count = len(refused)
    lines = [
        _line(BPF_LOAD, OFFSET_ARCHITECTURE),
        _line(BPF_EQUAL, architecture, 1, 0),
        _line(BPF_RETURN, SECCOMP_RET_ERRNO | EPERM),
        _line(BPF_LOAD, OFFSET_NUMBER),
    ]
    lines.append(_line(BPF_AT_LEAST, X32, count + 1, 0))
    lines += [_line(BPF_EQUAL, number, count - at, 0) for at, number in enumerate(refused)]
    lines += [_line(BPF_RETURN, SECCOMP_RET_ALLOW), _line(BPF_RETURN, SECCOMP_RET_ERRNO | EPERM)]
    return b"".join(lines)


def _line(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
