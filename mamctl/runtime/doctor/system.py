"""What this system can do and how much of it: limits, and abilities that a poorer system does without."""

from __future__ import annotations

import resource
import sys
from typing import TYPE_CHECKING, Final

from mamctl.runtime.doctor.finding import Finding, Level, ok

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIMITS: Final = "limits"
_ABILITIES: Final = "abilities"
# What a supervisor needs for itself, and about so many for each service.
_OWN_FILES, _FILES_OF_ONE = 64, 6
_FEW_WATCHES: Final = 8192
_FEW_INSTANCES: Final = 16


def check_limits(services: int) -> Iterator[Finding]:
    """Look at open files, and at what inotify allows, for so many services."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _OWN_FILES + _FILES_OF_ONE * services
    if hard != resource.RLIM_INFINITY and hard < needed:
        fix = f"raise it: `ulimit -Hn {needed}` as root, or LimitNOFILE of the unit"
        yield Finding(Level.ERROR, _LIMITS, f"{hard} open files are allowed; {services} services need {needed}", fix)
    else:
        yield ok(_LIMITS, f"{soft} open files are allowed, {hard} if asked for")
    for name, few in (("max_user_watches", _FEW_WATCHES), ("max_user_instances", _FEW_INSTANCES)):
        yield from _inotify(name, few)


def _inotify(name: str, few: int) -> Iterator[Finding]:
    try:
        with open(f"/proc/sys/fs/inotify/{name}", encoding="ascii") as file:
            allowed = int(file.read())
    except (OSError, ValueError):
        return
    if allowed < few:
        fix = f"sysctl fs.inotify.{name}={max(few, 128)}"
        yield Finding(Level.WARNING, _LIMITS, f"inotify: {name} is only {allowed}, so files are polled", fix)
    else:
        yield ok(_LIMITS, f"inotify: {name} is {allowed}")


def check_abilities() -> Iterator[Finding]:
    """Look at what the kernel gives us: without these everything works, in a poorer way."""
    if sys.platform != "linux":
        yield Finding(Level.NOTE, _ABILITIES, f"this is {sys.platform}: no pidfds, no control groups, no splice")
        return
    from mamctl.runtime.cgroups import delegated
    from mamctl.runtime.processes.pinned import can_pin

    if can_pin():
        yield ok(_ABILITIES, "processes are pinned by pidfds")
    else:
        told = "no pidfds: signals go by number, and exits are found by polling"
        yield Finding(Level.WARNING, _ABILITIES, told, "use Linux 5.3 or newer, and a sandbox that allows pidfd_open")
    folder = delegated()
    if folder is None:
        told = "no control group can be made here: what leaves a service is found by its marker"
        fix = "run as a unit (`mamctl install --user`), where systemd delegates one"
        yield Finding(Level.NOTE, _ABILITIES, told, fix)
    else:
        yield ok(_ABILITIES, f"services get control groups beneath {folder}")
    yield _subreaper()
    yield _watching()


def _subreaper() -> Finding:
    from mamctl.runtime.subreaper import can_be_subreaper

    if can_be_subreaper():
        return ok(_ABILITIES, "orphans of services come to the supervisor (subreaper)")
    told = "no subreaper here: orphans of services go to process 1"
    return Finding(Level.WARNING, _ABILITIES, told, "use Linux 3.4 or newer, and a sandbox that allows prctl")


def _watching() -> Finding:
    from mamctl.runtime.logs.inotify import Inotify

    try:
        Inotify().close()
    except OSError as error:
        told = f"inotify does not work here ({(error.strerror or str(error)).lower()}), so files are polled"
        return Finding(Level.WARNING, _ABILITIES, told, "end what holds so many instances, or raise the limit")
    return ok(_ABILITIES, "changes of files are told by inotify")
