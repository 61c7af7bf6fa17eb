"""Start a process that gets descriptors at exact numbers: 3 and up, as LISTEN_FDS promises.

`Popen` keeps the numbers that descriptors have with us, so this is `posix_spawn`, which takes the vfork path too.
LISTEN_PID must be the process's own pid, which only it can tell: a shell writes it down and becomes the command
(0.3 ms). The shell also changes to the folder, which `posix_spawn` cannot.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

SHELL: Final = "/bin/sh"
_BECOME: Final = 'cd -- "$1" && shift && unset OLDPWD && { [ -z "$LISTEN_FDS" ] || export LISTEN_PID=$$; } && exec "$@"'
# Python ignores these, and what is ignored is inherited.
_IGNORED_BY_PYTHON: Final = (signal.SIGPIPE, signal.SIGXFSZ)


def spawn_with(
    descriptors: Mapping[int, int],
    argv: Sequence[str],
    *,
    cwd: str,
    env: Mapping[str, str],
    terminal: str | None = None,
) -> int:
    """Start a command in a session of its own and return its pid; `descriptors` are ours by the numbers it gets.

    `terminal` is the path of one that it gets as input, output and controlling terminal: what the leader of a new
    session opens first is that.
    Raises OSError as `Popen` does, with the folder or the program as its file name; ValueError for what no argument
    can hold.
    """
    require_folder(cwd)
    require_program(argv[0], cwd, env)
    # Copies above all the targets: none is overwritten before it has been copied to its own place.
    above = max([2, *descriptors]) + 1
    copies: dict[int, int] = {}
    try:
        for target, fd in descriptors.items():
            copies[target] = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, above)
        return os.posix_spawn(
            SHELL,
            [SHELL, "-c", _BECOME, argv[0], cwd, *argv],
            env,
            file_actions=[
                *[(os.POSIX_SPAWN_CLOSE, fd) for fd in _inheritable(copies)],
                *(_on_terminal(terminal) if terminal else ()),
                *[(os.POSIX_SPAWN_DUP2, copy, target) for target, copy in copies.items()],
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=_IGNORED_BY_PYTHON,
        )
    finally:
        for copy in copies.values():
            os.close(copy)


def _on_terminal(path: str) -> list[tuple[int, ...]]:
    first = (os.POSIX_SPAWN_OPEN, 0, path, os.O_RDWR, 0)
    return [first, (os.POSIX_SPAWN_DUP2, 0, 1), (os.POSIX_SPAWN_DUP2, 0, 2)]  # type: ignore[list-item]  # path is text


def require_folder(cwd: str) -> None:
    """Raise OSError for a folder that is not there, with the folder as its file name."""
    if not os.path.isdir(cwd):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), cwd)


def require_program(program: str, cwd: str, env: Mapping[str, str]) -> None:
    """Raise OSError for a command that the shell would not find: then it, and not we, would say so."""
    folders = [""] if "/" in program else os.get_exec_path(env)
    places = [os.path.join(cwd, folder, program) for folder in folders]
    if any(os.path.isfile(place) and os.access(place, os.X_OK) for place in places):
        return
    number = errno.EACCES if any(map(os.path.exists, places)) else errno.ENOENT
    raise OSError(number, os.strerror(number), program)


def _inheritable(targets: Collection[int]) -> Iterator[int]:
    """Yield our descriptors that a child would get by mistake: those that a program which embeds us got so itself."""
    for fd in map(int, os.listdir("/dev/fd")):
        try:
            if fd not in targets and os.get_inheritable(fd):
                yield fd
        except OSError:
            continue  # the listing's own
