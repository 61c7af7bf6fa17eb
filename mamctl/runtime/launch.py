"""Start a supervisor for a manifest, from the terminal's side: spawn it, hear whether it stands, hold its lease."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from mamctl.core.errors import MamctlError, ManifestError, Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.control.place import Place

START_SECONDS = 60.0
MARKS = ("MAMCTL_SERVICE", "MAMCTL_INSTANCE", "MAMCTL_PROJECT", "MAMCTL_REPLICA")


class Started(NamedTuple):
    """A supervisor that listens. While `lease` is open it goes on; when its other end sees it closed it stops all."""

    pid: int
    lease: socket.socket | None


class AlreadyRunningError(MamctlError):
    """Another supervisor took the place first: be its client."""


def start_supervisor(place: Place, *, up: Mapping[str, Any], foreground: bool, environ: Mapping[str, str]) -> Started:
    """Start one and return once its control socket listens.

    Raises ManifestError with all problems, UsageError, AlreadyRunningError, or MamctlError with what it reported.
    """
    prepare(place)
    hears, reports = os.pipe()
    ours, theirs = socket.socketpair() if foreground else (None, None)
    lease = None if theirs is None else theirs.fileno()
    request = {"place": list(place), "up": dict(up), "report": reports, "lease": lease}
    try:
        pid = _spawn(place, json.dumps(request), [fd for fd in (reports, lease) if fd is not None], environ)
    finally:
        os.close(reports)
        if theirs is not None:
            theirs.close()
    try:
        _heed(_hear(hears, place), pid)
    except BaseException:
        if ours is not None:
            ours.close()
        raise
    return Started(pid, ours)


def prepare(place: Place) -> None:
    """Make the folders, and refuse what is not safe or cannot work."""
    try:
        os.makedirs(place.home, mode=0o700, exist_ok=True)
        os.makedirs(place.logs, exist_ok=True)
    except OSError as error:
        raise MamctlError(f"{error.filename}: {os.strerror(error.errno or 0).lower()}", writable_hint(place)) from None
    if not os.access(place.logs, os.W_OK | os.X_OK):
        raise MamctlError(f"the logs folder {place.logs} is not writable", writable_hint(place))
    home = os.stat(place.home)
    if home.st_uid != os.getuid():
        raise MamctlError(f"{place.home} belongs to another user", "set MAMCTL_HOME to a folder of your own")
    if home.st_mode & 0o022:
        raise MamctlError(f"{place.home} is writable by others", f"chmod 700 {place.home}")
    if os.path.exists(place.manifest) and os.stat(place.manifest).st_mode & 0o002:
        raise MamctlError(f"{place.manifest} is writable by everybody", f"chmod o-w {place.manifest}")


def writable_hint(place: Place) -> str:
    """Say what to do about a folder that cannot be written."""
    return f"make {place.folder} writable for this user; a service whose output cannot be kept is not started"


def _spawn(place: Place, request: str, keep: list[int], environ: Mapping[str, str]) -> int:
    log = os.open(os.path.join(place.logs, "mamctl.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    for fd in keep:
        os.set_inheritable(fd, True)
    try:
        return os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "mamctl.cli.supervise", request],
            {name: value for name, value in environ.items() if name not in MARKS},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGTSTP, signal.SIGCHLD),
        )
    finally:
        os.close(log)
        for fd in keep:
            os.set_inheritable(fd, False)


def _hear(hears: int, place: Place) -> Mapping[str, Any]:
    """Read the supervisor's report; its silence is an error too."""
    data = b""
    deadline = time.monotonic() + START_SECONDS
    try:
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([hears], [], [], left)[0]:
                break
            chunk = os.read(hears, 1 << 16)
            if not chunk:
                break
            data += chunk
    finally:
        os.close(hears)
    try:
        report = json.loads(data)
    except ValueError:
        report = {"error": "the supervisor ended before it stood", "hint": f"look at {place.logs}/mamctl.log"}
    return report if isinstance(report, dict) else {}


def _heed(report: Mapping[str, Any], pid: int) -> None:
    if report.get("ok"):
        return
    os.waitpid(pid, 0)
    message, hint = str(report.get("error", "no report")), report.get("hint")
    match report.get("code"):
        case "manifest_invalid":
            raise ManifestError(tuple(Problem(**problem) for problem in report["problems"]))
        case "usage":
            raise UsageError(message, hint)
        case "already_running":
            raise AlreadyRunningError(message, hint)
        case _:
            raise MamctlError(message, hint)
