"""Start a supervisor for a manifest, from the terminal's side: spawn it, hear whether it stands, hold its lease."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import select
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from mamctl.core.errors import MamctlError, ManifestError, Problem, UsageError
from mamctl.runtime.environment import MARKER, home_tag, without_markers
from mamctl.runtime.rebirth import boot, remember

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.control.place import Place

START_SECONDS = 60.0
# What was started by a supervisor that never stood has this long to stop: a common grace period, and more.
END_SECONDS = 15.0
PAUSE = 0.01
# sun_path with its NUL is 108 bytes on Linux and 104 on macOS.
LONGEST_SOCKET = 103
# The supervisor's own log begins anew at a start once it is larger than this.
LARGEST_LOG = 10_000_000
# A supervisor that dies so often within a minute is not started again by its guardian; by the variable, another number.
CRASHES_ALLOWED = 5
ALLOWANCE = "MAMCTL_CRASHES_ALLOWED"


class Started(NamedTuple):
    """A supervisor that listens. While `lease` is open it goes on; when its other end sees it closed it stops all."""

    pid: int
    lease: socket.socket | None


class AlreadyRunningError(MamctlError):
    """Another supervisor took the place first: be its client."""


def guardian_state(
    place: Place, request: Mapping[str, Any], kept: Mapping[str, int], crashes_allowed: int = CRASHES_ALLOWED
) -> dict[str, Any]:
    """Return what a guardian must know to begin: how supervisors are started, and the descriptors for the first."""
    # -P: a json.py in the caller's folder is none of the supervisor's business.
    argv = [sys.executable, "-P", "-m", "mamctl.cli.supervise", json.dumps(request)]
    return {
        "argv": argv,
        "door": place.door,
        "journal": place.journal,
        "tag": home_tag(place.home),
        "kept": [[name, [fd], {}] for name, fd in kept.items()],
        "stood": False,
        "crashes_allowed": crashes_allowed,
    }


def crashes_allowed(environ: Mapping[str, str]) -> int:
    """Return how many crashes within a minute end a guardian's patience. Raises UsageError for what is no number."""
    given = environ.get(ALLOWANCE) or str(CRASHES_ALLOWED)
    if given.isascii() and given.isdigit() and int(given) > 0:
        return int(given)
    raise UsageError(f"{ALLOWANCE}={given!r} is not a number of crashes", f"unset it: {CRASHES_ALLOWED} is the rule")


def start_supervisor(
    place: Place, *, up: Mapping[str, Any], foreground: bool, environ: Mapping[str, str], down: bool = False
) -> Started:
    """Start one, under a guardian, and return once its control socket listens. `down`: only to stop what is left.

    Raises ManifestError with all problems, UsageError, AlreadyRunningError, or MamctlError with what it reported.
    """
    allowed = crashes_allowed(environ)
    made = [folder for folder in (place.home, place.logs) if not os.path.lexists(folder)]
    prepare(place)
    log = own_log(os.path.join(place.logs, "mamctl.log"))
    hears, reports = map(_high, os.pipe())
    ours, lease = _lease() if foreground else (None, None)
    request = {"place": list(place), "up": dict(up), "foreground": foreground, "down": down}
    theirs = {"report": reports} if lease is None else {"report": reports, "lease": lease}
    try:
        pid = _spawn(guardian_state(place, request, theirs, allowed), log, [*theirs.values()], environ)
        _set_free(pid, environ)
        _heed(_hear(hears, pid, place), pid)
    except BaseException as error:
        if ours is not None:
            ours.close()
        if isinstance(error, UsageError):
            _unmake(place, made)
        raise
    finally:
        os.close(hears)
    return Started(pid, ours)


def _unmake(place: Place, made: list[str]) -> None:
    """Leave a folder as it was when nothing was started in it: only what we made just now, and only if it is empty."""
    if place.home in made:
        for path in (os.path.join(place.home, "lock"), os.path.join(place.logs, "mamctl.log")):
            with contextlib.suppress(OSError):
                if path.endswith("lock") or os.path.getsize(path) == 0:
                    os.unlink(path)
        for folder in (place.index, place.fifo, os.path.join(place.home, "notify")):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
    for folder in made:
        with contextlib.suppress(OSError):
            os.rmdir(folder)


def prepare(place: Place) -> None:
    """Make the folders, and refuse what is not safe or cannot work."""
    try:
        os.makedirs(place.home, mode=0o700, exist_ok=True)
        os.makedirs(place.logs, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise _in_the_way(str(error.filename)) from None
    except OSError as error:
        raise MamctlError(f"{error.filename}: {os.strerror(error.errno or 0).lower()}", writable_hint(place)) from None
    if not os.access(place.logs, os.W_OK | os.X_OK):
        raise MamctlError(f"the logs folder {place.logs} is not writable", writable_hint(place))
    home = os.stat(place.home)
    if home.st_uid != os.getuid():
        raise MamctlError(f"{place.home} belongs to another user", "set MAMCTL_HOME to a folder of your own")
    if home.st_mode & 0o022:
        raise MamctlError(f"{place.home} is writable by others", f"`chmod 700 {place.home}`")
    if not os.access(place.home, os.W_OK | os.X_OK):
        raise MamctlError(f"{place.home} is not writable", f"`chmod 700 {place.home}`, or set MAMCTL_HOME")
    if os.path.exists(place.manifest) and os.stat(place.manifest).st_mode & 0o002:
        raise MamctlError(f"{place.manifest} is writable by everybody", f"`chmod o-w {place.manifest}`")
    folder = os.path.dirname(place.door)
    if folder != place.home:
        _prepare_runtime(folder, place.door)


def _prepare_runtime(folder: str, door: str) -> None:
    """Make the sockets' folder where the home's path is too long: the guardian binds before any supervisor looks."""
    hint = "set XDG_RUNTIME_DIR to a folder of your own with a short path"
    if len(os.fsencode(door)) > LONGEST_SOCKET:
        raise MamctlError(f"the path {door} is too long for a socket", hint)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        found = os.stat(folder)
    except OSError as error:
        raise MamctlError(f"{error.filename}: {os.strerror(error.errno or 0).lower()}", hint) from None
    if {found.st_uid, os.lstat(folder).st_uid} != {os.getuid()} or found.st_mode & 0o022:
        raise MamctlError(
            f"{folder}, where the sockets go, can be written by others", f"`chmod 700 {folder}`, or {hint}"
        )


def _in_the_way(path: str) -> MamctlError:
    """Return what to say when something else stands where a folder is to be made, or further up."""
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    what = "a link that leads nowhere" if os.path.islink(path) and not os.path.exists(path) else "not a folder"
    return MamctlError(f"{path} is {what}, and a folder is needed there", "move it away, or give it another name")


def writable_hint(place: Place) -> str:
    """Say what to do about a folder that cannot be written."""
    return f"make {place.folder} writable for this user; a service whose output cannot be kept is not started"


def _spawn(state: Mapping[str, Any], log: int, theirs: list[int], environ: Mapping[str, str]) -> int:
    """Start the guardian's process with these descriptors, which are closed here."""
    for fd in theirs:
        os.set_inheritable(fd, True)
    try:
        return os.posix_spawn(
            sys.executable,
            [*boot(), *_told(state, theirs), state["journal"]],
            without_markers(environ),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setsid=True,
            setsigmask=(),
            # What the caller ignores (nohup, a shell's background job), the services would ignore too.
            setsigdef=signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP},
        )
    finally:
        for fd in (log, *theirs):
            os.close(fd)


def _set_free(pid: int, environ: Mapping[str, str]) -> None:
    """Part a supervisor that a service starts from that service, also where a control group holds them together."""
    if MARKER in environ:
        from mamctl.runtime.cgroups import step_out

        step_out(pid)


def _told(state: Mapping[str, Any], theirs: list[int]) -> list[str]:
    """Return the argument that tells a guardian its state: a descriptor that is passed on, or all of it."""
    if not hasattr(os, "memfd_create"):
        return [json.dumps(state)]
    memory = _high(remember(dict(state)))
    os.set_inheritable(memory, True)
    theirs.append(memory)
    return [str(memory)]


def _lease() -> tuple[socket.socket, int]:
    """Return both ends of a lease: the one to hold, and the descriptor of the supervisor's."""
    ours, theirs = socket.socketpair()
    return socket.socket(fileno=_high(ours.detach())), _high(theirs.detach())


def own_log(path: str) -> int:
    """Open the supervisor's own log, a new one when the old one has grown large."""
    with contextlib.suppress(OSError):
        if os.stat(path).st_size > LARGEST_LOG:
            os.replace(path, f"{path}.1")
    try:
        return _high(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    except OSError as error:
        why = "it is a link" if error.errno == errno.ELOOP else os.strerror(error.errno or 0).lower()
        raise MamctlError(f"the supervisor's log {path} cannot be written: {why}", "move it away") from None


def _high(fd: int) -> int:
    """Move a descriptor above the standard ones, which the supervisor gets anew: a caller may have closed its own."""
    if fd > 2:
        return fd
    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(fd)


def _hear(hears: int, pid: int, place: Place) -> Mapping[str, Any]:
    """Read the supervisor's report; its silence is an error too."""
    log = f"look at {place.logs}/mamctl.log"
    data = b""
    deadline = time.monotonic() + START_SECONDS
    poller = select.poll()
    poller.register(hears, select.POLLIN)
    while chunk := _before(deadline, poller, hears):
        data += chunk
    if chunk is None:
        _end(pid)
        return {"error": f"the supervisor did not stand after {START_SECONDS:g} s, and was ended", "hint": log}
    with contextlib.suppress(ValueError):
        if isinstance(report := json.loads(data), dict):
            return report
    return {"error": "the supervisor ended before it stood", "hint": log}


def _end(guardian: int) -> None:
    """End a supervisor that does not stand; its guardian ends what it has started, or is killed if it hangs too."""
    from mamctl.runtime.processes import children

    for supervisor in children(guardian):
        with contextlib.suppress(ProcessLookupError):
            os.kill(supervisor, signal.SIGKILL)
    until = time.monotonic() + END_SECONDS
    while time.monotonic() < until:
        if os.waitid(os.P_PID, guardian, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return
        time.sleep(PAUSE)
    os.kill(guardian, signal.SIGKILL)


def _before(deadline: float, poller: select.poll, fd: int) -> bytes | None:
    """Read what comes; None when nothing came before the deadline."""
    left = max(0.0, deadline - time.monotonic())
    return os.read(fd, 1 << 16) if poller.poll(left * 1000) else None


def _heed(report: Mapping[str, Any], pid: int) -> None:
    if report.get("ok"):
        return
    os.waitpid(pid, 0)
    message, hint = str(report.get("error")), report.get("hint")
    match report.get("code"):
        case "manifest_invalid":
            raise ManifestError(tuple(Problem(**problem) for problem in report["problems"]))
        case "usage":
            raise UsageError(message, hint)
        case "already_running":
            raise AlreadyRunningError(message, hint)
        case _:
            raise MamctlError(message, hint)
