"""Who owns a home folder: one supervisor at a time, for one manifest."""

from __future__ import annotations

import fcntl
import os

from mamctl.core.errors import MamctlError, UsageError


class TakenError(MamctlError):
    """Another supervisor owns the place."""


def own(home: str, manifest: str) -> int:
    """Take the home for ourselves, for as long as the returned descriptor is open.

    Raises UsageError when it belongs to another manifest, TakenError while another supervisor of this one has it.
    """
    require_same(home, manifest)
    lock = os.open(os.path.join(home, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Again, now that nobody else can write it.
        require_same(home, manifest)
        name = os.fsencode(manifest)
        os.pwrite(lock, name, 0)
        os.ftruncate(lock, len(name))
    except BlockingIOError:
        os.close(lock)
        raise TakenError("another supervisor runs here already", "`mamctl status` shows it") from None
    except BaseException:
        os.close(lock)
        raise
    return lock


def is_owned(home: str) -> bool:
    """Tell whether a supervisor has the home now: one that stands, that only just begins, or that is leaving."""
    try:
        lock = os.open(os.path.join(home, "lock"), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def require_same(home: str, manifest: str) -> None:
    """Raise UsageError when a home was last used by another manifest that still exists."""
    try:
        with open(os.path.join(home, "lock"), "rb") as file:
            before = os.fsdecode(file.read(4096))
    except OSError:
        return
    if before and before != manifest and os.path.exists(before) and not _are_one(before, manifest):
        raise UsageError(f"{home} belongs to {before}", "set MAMCTL_HOME to another folder for the second manifest")


def _are_one(before: str, manifest: str) -> bool:
    """Tell whether two names are one file: a folder may be reached through a link."""
    return os.path.exists(manifest) and os.path.samefile(before, manifest)
