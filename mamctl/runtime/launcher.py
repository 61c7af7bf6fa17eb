"""Start one process: its own session, its own descriptors, nothing inherited that it should not have.

Only `Popen`'s vfork path is used (no `preexec_fn`, no `user=`: these fork and cost 14 to 300 times as much). All our
own descriptors are close-on-exec; `close_fds` is for those that a program which embeds us got from its caller. It is a
close_range call or two, which cost nothing that could be measured, also with 2500 files open.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from mamctl.core.states import Reason
from mamctl.runtime.inheritance import spawn_with
from mamctl.runtime.processes.pinned import pin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Trying again cannot help: the command or its folder is not there, or may not be run.
FINAL = frozenset({errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR, errno.EPERM, errno.ELOOP, errno.EISDIR})


class Launched(NamedTuple):
    """A process that exists: its pid, and a descriptor that stays its own whatever becomes of the number (`pinned`)."""

    pid: int
    pidfd: int


class LaunchError(Exception):
    """It could not be started. `final`: trying again cannot help."""

    def __init__(self, reason: Reason, detail: str, *, final: bool) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.final = final


class Launcher:
    """Starts processes. `open_files` is the soft limit that children get back after we raised our own."""

    def __init__(self, open_files: int | None = None) -> None:
        self._open_files = open_files
        self._null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def launch(
        self,
        argv: tuple[str, ...],
        *,
        cwd: str,
        env: Mapping[str, str],
        stdout: int,
        stderr: int,
        stdin: int | None = None,
        sockets: Sequence[tuple[str, int]] = (),
        descriptors: Mapping[int, int] | None = None,
        terminal: str | None = None,
    ) -> Launched:
        """Start a command in a session of its own; `sockets` (name, descriptor) are passed as LISTEN_FDS.

        `descriptors` are passed besides, under the numbers that are their keys. Without `stdin` its input is empty.
        With `terminal`, the path of one, that is its input and output. Raises LaunchError.
        """
        stdio = (self._null if stdin is None else stdin, stdout, stderr)
        try:
            if sockets:
                env = {**env, "LISTEN_FDS": str(len(sockets)), "LISTEN_FDNAMES": ":".join(name for name, _ in sockets)}
            if sockets or descriptors or terminal:
                ours = [*stdio, *[fd for _, fd in sockets]]
                given = {**dict(enumerate(ours)), **(descriptors or {})}
                given = {number: fd for number, fd in given.items() if number > 2 or not terminal}
                pid = spawn_with(given, argv, cwd=cwd, env=env, terminal=terminal)
            else:
                pid = _popen(argv, cwd, env, stdio)
        except OSError as error:
            raise explain(error, argv, cwd) from None
        except ValueError as error:
            raise LaunchError(Reason.SPAWN_FAILED, f"{argv[0]}: {error}", final=True) from None
        self._lower_limit(pid)
        try:
            return Launched(pid, pin(pid))
        except OSError as error:
            # A process that we cannot watch must not be; nobody else can have its number before it is reaped.
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise explain(error, argv, cwd) from None

    def close(self) -> None:
        """Let go of what every child got as its empty input."""
        os.close(self._null)

    def _lower_limit(self, pid: int) -> None:
        if self._open_files is None:
            return
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        try:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (self._open_files, hard))
        except (ProcessLookupError, PermissionError):
            return  # it is gone already, or became somebody else: the limit is a courtesy


def _popen(argv: tuple[str, ...], cwd: str, env: Mapping[str, str], stdio: tuple[int, int, int]) -> int:
    stdin, stdout, stderr = stdio
    process = subprocess.Popen(
        argv,
        cwd=cwd,
        env=env,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        close_fds=True,
        start_new_session=True,
    )
    # The exit is ours to collect, through the pidfd; Popen must neither wait for it nor complain.
    process.returncode = 0
    return process.pid


def explain(error: OSError, argv: tuple[str, ...], cwd: str) -> LaunchError:
    """Say what stands in the way of a spawn."""
    if error.filename == cwd and not os.path.isdir(cwd):
        return LaunchError(Reason.SPAWN_FAILED, f"its folder {cwd} does not exist", final=True)
    if error.errno == errno.ENOENT and "/" in argv[0] and os.path.exists(os.path.join(cwd, argv[0])):
        return LaunchError(Reason.COMMAND_NOT_FOUND, f"{argv[0]}: its #! line names no program that exists", final=True)
    if error.errno == errno.ENOENT:
        where = "" if "/" in argv[0] else " (not on PATH)"
        return LaunchError(Reason.COMMAND_NOT_FOUND, f"{argv[0]}: no such command{where}", final=True)
    if error.errno == errno.ENOEXEC:
        return LaunchError(Reason.SPAWN_FAILED, f"{argv[0]}: not a program; does it lack a #! line?", final=True)
    reason = f"{argv[0]}: {os.strerror(error.errno or 0).lower()}"
    return LaunchError(Reason.SPAWN_FAILED, reason, final=error.errno in FINAL)


def raise_open_files() -> int | None:
    """Raise our soft limit of open files to the hard one; return what it was, for the children."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return None
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):
        return None
    return soft
