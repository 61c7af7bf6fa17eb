"""Every running stack of this user: one small file a stack, in a folder that only the user can read.

A file is written when a supervisor begins and taken away when it ends. One that a killed supervisor left behind is
found out by asking its socket, and removed.
"""

from __future__ import annotations

import contextlib
import json
import os
from binascii import crc32
from typing import TYPE_CHECKING, Any, NamedTuple

from mamctl.control.client import ApiError, Client
from mamctl.core.errors import NoSupervisor, TimedOut

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.control.place import Place

ANSWER_SECONDS = 2.0


class Stack(NamedTuple):
    """A running stack. `status` is its status document, None when it did not answer in time."""

    manifest: str
    socket: str
    pid: int
    status: dict[str, Any] | None


def folder(environ: Mapping[str, str]) -> str:
    """Return where the files lie: `$XDG_RUNTIME_DIR/mamctl`, else `~/.local/state/mamctl/stacks`."""
    runtime = environ.get("XDG_RUNTIME_DIR")
    if runtime and os.path.isdir(runtime):
        return os.path.join(runtime, "mamctl", "stacks")
    state = environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(state, "mamctl", "stacks")


def register(place: Place, pid: int, environ: Mapping[str, str] = os.environ) -> None:
    """Enter the stack of a supervisor that just began. A folder that cannot be written costs only `mamctl ls`."""
    with contextlib.suppress(OSError):
        os.makedirs(folder(environ), mode=0o700, exist_ok=True)
        path = _path(place.socket, environ)
        temporary = f"{path}.{pid}"
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(file, "w", encoding="utf-8") as text:
            json.dump({"manifest": place.manifest, "socket": place.socket, "pid": pid}, text)
        os.replace(temporary, path)


def unregister(place: Place, environ: Mapping[str, str] = os.environ) -> None:
    """Take the stack's file away."""
    with contextlib.suppress(OSError):
        os.unlink(_path(place.socket, environ))


def stacks(environ: Mapping[str, str] = os.environ) -> list[Stack]:
    """Return the running stacks, by manifest. What does not answer any more is removed."""
    try:
        paths = [entry.path for entry in os.scandir(folder(environ)) if entry.name.endswith(".json")]
    except OSError:
        return []
    found = [stack for path in paths if (stack := _ask(path)) is not None]
    return sorted(found, key=lambda stack: stack.manifest)


def _path(socket: str, environ: Mapping[str, str]) -> str:
    return os.path.join(folder(environ), f"{crc32(os.fsencode(socket)):08x}.json")


def _ask(path: str) -> Stack | None:
    try:
        with open(path, encoding="utf-8") as file:
            entry = json.load(file)
        manifest, socket, pid = str(entry["manifest"]), str(entry["socket"]), int(entry["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    try:
        status = Client(socket, timeout=ANSWER_SECONDS).request("GET", "/v1/status")
    except NoSupervisor:
        with contextlib.suppress(OSError):
            os.unlink(path)
        return None
    except (TimedOut, ApiError, OSError):
        status = None
    return Stack(manifest, socket, pid, status)
