"""Control groups (v2): a group of the kernel for each incarnation, which nothing that it forks leaves unseen.

                our own group             (a login session's, a unit's, or the root)
                 |- mamctl-<home>         one folder for a stack, told apart by its home
                     |- web.4f0c..        one group for an incarnation: its service and the end of its marker

No controller is needed for that. Root can make groups nearly everywhere, an ordinary user only where a part of the tree
was delegated to him (`systemd --user`); everywhere else the sweep does without. The kernel shows each process's group,
so another supervisor finds the group of a process that it takes over.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import time
from typing import TYPE_CHECKING

from mamctl.core.events import Shortage
from mamctl.runtime.processes.pinned import can_pin
from mamctl.runtime.without import lacks

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "mamctl-"
# Where the folder of the last run is written down: the next one may be started from elsewhere.
REMEMBERED = "cgroup"
# A group of ours in the name of another: a supervisor that a service started is in it at first.
FOLDER = re.compile(rf"{PREFIX}[0-9a-f]+-[0-9a-f]+")
FORGOTTEN_SECONDS = 3600.0
GONE = {errno.ENOENT, errno.ESRCH, errno.ENODEV, errno.ENOTDIR, errno.EACCES, errno.EPERM}
OURS = re.compile(rf"/{PREFIX}[0-9a-f]+-[0-9a-f]+/[^/]+\.[0-9a-f]{{12,}}(/|$)")
OCTAL = re.compile(r"\\([0-7]{3})")


class Group:
    """One group, made or found. What cannot be read is gone: the methods then say that nobody is in it."""

    def __init__(self, path: str, *, limited: bool = False) -> None:
        self.path = path
        self.limited = limited

    def add(self, pid: int) -> None:
        """Move a process into it, with all its threads. Raises OSError."""
        _write(f"{self.path}/cgroup.procs", str(pid))

    def pids(self) -> list[int]:
        """Return who runs in it and in the groups beneath it."""
        return [pid for folder in self._folders() for pid in map(int, _read(f"{folder}/cgroup.procs").split())]

    def is_empty(self) -> bool:
        """Tell whether nobody runs in it or beneath; who waits to be reaped does not count."""
        return "populated 1" not in _read(f"{self.path}/cgroup.events")

    def kill(self) -> None:
        """Kill all of it at once: nobody can fork out of that."""
        with contextlib.suppress(OSError):
            _write(f"{self.path}/cgroup.kill", "1")

    def remove(self) -> bool:
        """Take it away with the groups beneath it; False while somebody is in it."""
        try:
            for folder in reversed(list(self._folders())):
                with contextlib.suppress(FileNotFoundError):
                    os.rmdir(folder)
        except OSError:
            return False
        return True

    def limit_memory(self, limit: int) -> None:
        """Let the kernel watch over the limit, if it does that here: it kills the whole group, not one of it."""
        with contextlib.suppress(OSError):
            _write(f"{self.path}/memory.max", str(limit))
            self.limited = True
            _write(f"{self.path}/memory.oom.group", "1")

    def shortage(self) -> Shortage | None:
        """Tell whether the kernel killed in this group for want of memory, and of whose."""
        counts = dict(line.split() for line in _read(f"{self.path}/memory.events").splitlines())
        if not int(counts.get("oom_kill", 0)):
            return None
        return Shortage.LIMIT if self.limited and int(counts.get("oom", 0)) else Shortage.MACHINE

    def _folders(self) -> Iterator[str]:
        return (folder for folder, _, _ in os.walk(self.path, onerror=_unless_gone))


class Groups:
    """The groups of one stack, beneath `base`."""

    def __init__(self, base: str, home: str) -> None:
        self.base = Group(base)
        self.folder = os.path.join(base, folder_name(home))
        self._limits = False

    def make(self, instance: str, memory: int | None = None) -> Group:
        """Make the group of an incarnation. Raises OSError."""
        group = Group(os.path.join(self.folder, group_name(instance)))
        os.makedirs(group.path, exist_ok=True)
        if memory is not None:
            self._enable_limits()
            group.limit_memory(memory)
        return group

    def of(self, pid: int, instance: str) -> Group | None:
        """Return the group that a process of an incarnation is in already, wherever it was made."""
        mount, inside = _mount(), _membership(pid)
        if mount is None or inside is None or os.path.basename(inside) != group_name(instance):
            return None
        path = _path(mount, inside)
        return Group(path, limited=_is_limited(path)) if path else None

    def left_by(self, instance: str) -> Group | None:
        """Return the group that a dead incarnation had here."""
        path = os.path.join(self.folder, group_name(instance))
        return Group(path, limited=_is_limited(path)) if os.path.isdir(path) else None

    def tidy(self) -> None:
        """Take away what dead runs left behind empty."""
        tidy(self.folder)

    def _enable_limits(self) -> None:
        """Have the memory controller here, if the kernel gives it to our own group, too."""
        if self._limits:
            return
        self._limits = True
        for folder in (self.base.path, self.folder):
            # Refused where processes live beside the groups: then the memory is counted instead.
            with contextlib.suppress(OSError):
                _write(f"{folder}/cgroup.subtree_control", "+memory")


def open_groups(home: str) -> Groups | None:
    """Return the groups that a supervisor's own process can have here, proven by making one; None: none."""
    if lacks("cgroup") or not can_pin():
        return None
    try:
        step_out()
        base = _base()
        if base is None or not os.access(f"{base}/cgroup.procs", os.W_OK):
            return None
        _tidy_last(home)
        _tidy_forgotten(base)
        groups = Groups(base, home)
        groups.tidy()
        _prove(groups)
        _remember(home, groups.folder)
    except OSError:
        return None
    return groups


def delegated() -> str | None:
    """Return the folder in which groups could be made here, None: nowhere. Changes nothing, so it proves less."""
    if lacks("cgroup") or not can_pin():
        return None
    base = _base()
    return base if base and os.access(f"{base}/cgroup.procs", os.W_OK) else None


def step_out(pid: int | None = None) -> None:
    """Take ourselves, or another, out of the group of a service: a supervisor that it starts is no part of it."""
    pid = os.getpid() if pid is None else pid
    base, inside = _base(), _membership(pid)
    if base is None or inside is None or not OURS.search(inside):
        return
    with contextlib.suppress(OSError):
        Group(base).add(pid)


def folder_name(home: str) -> str:
    """Return the name of a stack's folder: no other home has the same number on the same disk."""
    found = os.stat(home)
    return f"{PREFIX}{found.st_dev:x}-{found.st_ino:x}"


def group_name(instance: str) -> str:
    """Return the name of an incarnation's group: `web.4f0c..` of the marker `shop/web/4f0c..`."""
    return ".".join(instance.split("/")[-2:])


def tidy(folder: str) -> None:
    """Take away a stack's empty groups, and the folder when it is empty then. Others are left alone."""
    with contextlib.suppress(OSError), os.scandir(folder) as found:
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                Group(entry.path).remove()
    with contextlib.suppress(OSError):
        os.rmdir(folder)


def _base() -> str | None:
    """Return the folder of our own group; inside of a service of ours, that of the stack's own supervisor."""
    mount, inside = _mount(), _membership(os.getpid())
    if mount is None or inside is None:
        return None
    found = OURS.search(inside)
    return _path(mount, (inside[: found.start()] or "/") if found else inside)


def _prove(groups: Groups) -> None:
    """Make a group and see that it can kill. Nobody is moved: that a process can be is seen with the first service."""
    try:
        group = groups.make("probe/probe/probe")
        if not os.access(f"{group.path}/cgroup.kill", os.W_OK):
            raise PermissionError(f"{group.path}/cgroup.kill")
    except OSError:
        groups.tidy()
        raise
    group.remove()


def _remember(home: str, folder: str) -> None:
    with open(os.path.join(home, REMEMBERED), "w") as file:
        file.write(folder)


def _tidy_last(home: str) -> None:
    folder = _read(os.path.join(home, REMEMBERED))
    if os.path.basename(folder) == folder_name(home) and os.path.exists(f"{folder}/cgroup.procs"):
        tidy(folder)


def _tidy_forgotten(base: str) -> None:
    """Take away the empty folders of stacks that never came again; not one that is just being made."""
    with contextlib.suppress(OSError), os.scandir(base) as found:
        for entry in found:
            if FOLDER.fullmatch(entry.name) and entry.stat().st_mtime < time.time() - FORGOTTEN_SECONDS:
                tidy(entry.path)


def _mount() -> tuple[str, str] | None:
    """Return where the tree is mounted, and which part of it."""
    for line in _read("/proc/self/mountinfo").splitlines():
        words, _, rest = line.partition(" - ")
        if rest.startswith("cgroup2 "):
            _, _, _, root, place, *_ = words.split(" ")
            return _unescaped(place), _unescaped(root)
    return None


def _membership(pid: int) -> str | None:
    """Return the group of a process as the kernel names it; one outside of our view begins with `/..`."""
    lines = _read(f"/proc/{pid}/cgroup").splitlines()
    return next((line[3:] for line in lines if line.startswith("0::")), None)


def _path(mount: tuple[str, str], inside: str) -> str | None:
    place, root = mount
    inner = os.path.relpath(inside, root)
    if inner.startswith("..") or inside.startswith("/.."):
        return None
    return os.path.normpath(os.path.join(place, inner))


def _is_limited(path: str) -> bool:
    return _read(f"{path}/memory.max").strip() not in ("", "max")


def _unescaped(text: str) -> str:
    return OCTAL.sub(lambda found: chr(int(found[1], 8)), text)


def _read(path: str) -> str:
    """Return a small file; what is not there, or not for us, is empty."""
    try:
        with open(path) as file:
            return file.read()
    except OSError as error:
        _unless_gone(error)
        return ""


def _unless_gone(error: OSError) -> None:
    """Let pass that something is not there; that we could not look is another matter."""
    if error.errno not in GONE:
        raise error


def _write(path: str, text: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)
