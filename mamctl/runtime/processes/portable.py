"""The same readings through psutil, for systems without /proc (macOS). Slower, and imported only there.

A field that the system hides from us (the memory of another user's process) reads 0.
"""

from __future__ import annotations

import functools
import os
import time
from typing import TYPE_CHECKING, Any

import psutil

from mamctl.runtime.processes.identities import Identity
from mamctl.runtime.processes.portrait import printable, user_name
from mamctl.runtime.processes.stat import DEAD, PAGE, TICKS, Stat

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_LETTERS = {
    psutil.STATUS_RUNNING: "R",
    psutil.STATUS_DISK_SLEEP: "D",
    psutil.STATUS_STOPPED: "T",
    psutil.STATUS_TRACING_STOP: "t",
    psutil.STATUS_ZOMBIE: "Z",
    psutil.STATUS_DEAD: "X",
    psutil.STATUS_IDLE: "I",
}


def read(pid: int) -> Stat | None:
    """Return the row of a process, zombies too, or None when it is gone."""
    try:
        return _row(psutil.Process(pid))
    except (psutil.NoSuchProcess, ProcessLookupError):
        return None


def _row(process: psutil.Process) -> Stat:
    with process.oneshot():
        shown: dict[str, Any] = process.as_dict(["name", "status", "ppid", "create_time", "cpu_times", "memory_info"])
    cpu, memory = shown["cpu_times"], shown["memory_info"]
    return Stat(
        process.pid,
        shown["name"] or "",
        _LETTERS.get(shown["status"], "S"),
        shown["ppid"] or 0,
        os.getpgid(process.pid),
        os.getsid(process.pid),
        round((shown["create_time"] - psutil.boot_time()) * TICKS),
        round((cpu.user + cpu.system) * TICKS) if cpu else 0,
        round((getattr(cpu, "children_user", 0.0) + getattr(cpu, "children_system", 0.0)) * TICKS) if cpu else 0,
        memory.rss // PAGE if memory else 0,
    )


def scan() -> Iterator[Stat]:
    """Yield every process, zombies too."""
    for pid in psutil.pids():
        if row := read(pid):
            yield row


def children(pid: int) -> list[int]:
    """Return the direct children, zombies too."""
    return _relatives(pid, recursive=False)


def descendants(pid: int) -> list[int]:
    """Return children, grandchildren and so on."""
    return _relatives(pid, recursive=True)


def _relatives(pid: int, *, recursive: bool) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=recursive)]
    except psutil.NoSuchProcess:
        return []


def group_members(pgid: int) -> list[int]:
    """Return who still runs in a process group."""
    return [row.pid for row in scan() if row.pgid == pgid and row.state not in DEAD]


def session_members(sid: int) -> list[int]:
    """Return who still runs in a session."""
    return [row.pid for row in scan() if row.sid == sid and row.state not in DEAD]


def environment(pid: int) -> dict[bytes, bytes] | None:
    """Return the variables a process was started with, or None when it is gone or we may not look."""
    try:
        found = psutil.Process(pid).environ()
    except (psutil.Error, OSError):
        return None
    return {os.fsencode(name): os.fsencode(value) for name, value in found.items()}


def marked(key: bytes, values: Collection[bytes] | None = None) -> list[tuple[int, bytes]]:
    """Return (pid, value) of every readable process whose environment holds `key`, with one of `values` if given."""
    found = []
    for pid in psutil.pids():
        value = (environment(pid) or {}).get(key)
        if value is not None and (values is None or value in values):
            found.append((pid, value))
    return found


def identity(pid: int) -> Identity | None:
    """Return who `pid` is now, by its start time in microseconds, or None when it is gone."""
    try:
        started = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return None
    return Identity(boot_id(), pid, round(started * 1e6), 0)


@functools.cache
def boot_id() -> str:
    """Return what tells this boot of the machine from every other: the session id of macOS, else its time."""
    import ctypes

    buffer, size = ctypes.create_string_buffer(64), ctypes.c_size_t(64)
    sysctl = getattr(ctypes.CDLL(None), "sysctlbyname", None)
    if sysctl and sysctl(b"kern.bootsessionuuid", buffer, ctypes.byref(size), None, 0) == 0:
        return buffer.value.decode()
    return f"booted-{psutil.boot_time():.0f}"


def command_line(pid: int) -> str | None:
    """Return the command line on one printable line of at most 200 characters, or None when the process is gone."""
    try:
        process = psutil.Process(pid)
        return printable(" ".join(_words(process))) or f"[{printable(process.name())}]"
    except psutil.NoSuchProcess:
        return None


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.AccessDenied, psutil.ZombieProcess):
        return []


def user(pid: int) -> str | None:
    """Return the name of the user a process acts as, or None when it is gone."""
    try:
        return user_name(psutil.Process(pid).uids().effective)
    except psutil.Error:
        return None


def age(pid: int) -> float | None:
    """Return the seconds since a process started, or None when it is gone."""
    try:
        return max(0.0, time.time() - psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None


def uptime() -> float:
    """Return the seconds since boot: the clock of `Stat.start_ticks`."""
    return time.time() - psutil.boot_time()


def wait_status(_pidfd: int, _pid: int) -> int | None:
    """Return None: only a parent learns how a process ended here."""
    return None


def identity_of(pid: int, _pidfd: int) -> Identity | None:
    """Return who a process is; nothing tells more than its number here."""
    return identity(pid)


def is_dead(pid: int) -> bool:
    """Tell whether a process has ended, reaped or not."""
    row = read(pid)
    return row is None or row.state in DEAD
