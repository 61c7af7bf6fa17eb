"""The duties of process 1, where mamctl is a container's command.

Process 1 is different: what loses its parent becomes its child and is a zombie until it is waited for, signals that it
has no handler for never reach it, and when it ends the kernel kills all others at once. A command that waits for
children of its own, has a terminal, and may fail is in no position for that. So process 1 splits:

    1  these duties: reap whoever comes, pass signals on, be the last to leave; nothing else, so nothing else can break
    └─ the command (`up`), in a process group of its own, in the terminal's foreground where 1 was
         └─ its supervisor, in a session of its own; becomes a child of 1 when the command ends first

No status is stolen from the command, because its children are not ours. While a supervisor is left, 1 stays: one whose
client was killed has a stack to stop, one of `up -d` has one to run. Signals then go to it.

No handler is needed: blocked signals stay pending, even for process 1, and are waited for.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import Final, NoReturn

FORWARDED: Final = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
)
AWAITED: Final = frozenset((*FORWARDED, signal.SIGCHLD))
# Who takes the terminal from the background is stopped, unless this is blocked.
BLOCKED: Final = AWAITED | {signal.SIGTTOU}
SUPERVISORS: Final = (b"mamctl.cli.supervise", b"mamctl.runtime import guardian")


def split_off_command() -> None:
    """Return in a child, which is to be the command; in this process, number 1, never return."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
    has_terminal = _is_in_foreground()
    child = os.fork()
    if child:
        _serve(child)
    os.setpgid(0, 0)
    if has_terminal:
        with contextlib.suppress(OSError):
            os.tcsetpgrp(0, os.getpid())
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(command: int) -> NoReturn:
    code: int | None = None
    while code is None or _supervisors():
        number = signal.sigwait(AWAITED)
        if number == signal.SIGCHLD:
            found = _reap(command)
            code = found if code is None else code
        else:
            _pass_on(signal.Signals(number), [command] if code is None else _supervisors())
    sys.stdout.flush()
    os._exit(code)


def _reap(command: int) -> int | None:
    """Collect all that ended; return the command's exit code if it is among them, 128 + n when signal n ended it."""
    code = None
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG | os.WUNTRACED))[0]:
            pid, status = found
            if os.WIFSTOPPED(status):
                _continue(pid, os.WSTOPSIG(status), command)
            elif pid == command:
                code = os.waitstatus_to_exitcode(status)
    return 128 - code if code is not None and code < 0 else code


def _continue(pid: int, number: int, command: int) -> None:
    """Wake the command after Ctrl-Z: no shell is there to bring it back."""
    if pid == command and number == signal.SIGTSTP:
        _pass_on(signal.SIGCONT, [pid])


def _pass_on(number: signal.Signals, pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _is_in_foreground() -> bool:
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def _supervisors() -> list[int]:
    """Return our children that are supervisors of ours; none where the kernel does not tell."""
    try:
        with open("/proc/self/task/1/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split() if _is_supervisor(pid)]
    except OSError:
        return []


def _is_supervisor(pid: str) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read()
    except OSError:
        return False
    return any(name in words for name in SUPERVISORS)
