"""How a process becomes a guardian: started anew by a command, or by replacing itself, with all that it has.

Only the standard library, and little of it: the guardian is made of this.
"""

from __future__ import annotations

import _ctypes
import contextlib
import json
import os
import resource
import signal
import sys
import time
from zlib import crc32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from mamctl.runtime.guardian import Guardian
    from mamctl.runtime.wire import Message

PR_SET_CHILD_SUBREAPER = 36
# No site-packages, no settings of the user's, and the package's own folder last.
BOOT = (
    "import sys; sys.path.append(sys.argv[1]);"
    " from mamctl.runtime import guardian, rebirth; rebirth.main(guardian.Guardian)"
)


def boot() -> list[str]:
    """Return the command of a guardian; its state is the one argument that is missing."""
    folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return [sys.executable, "-I", "-S", "-c", BOOT, folder]


def become(state: Message) -> None:
    """Turn this process into a guardian with this state: its pid, its children and what is kept stay. May fail."""
    try:
        memory = remember(state)
    except OSError as error:
        say(f"no new guardian: {error}")
        return
    stay = [memory, *(fd for _, fds, _ in state["kept"] for fd in fds), *(state.get("brain") or ())[1:]]
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        for fd in stay:
            os.set_inheritable(fd, True)
        os.execve(sys.executable, [*boot(), str(memory), state["journal"]], os.environ)  # noqa: S606 - it is ourselves
    except OSError as error:
        say(f"no new guardian: {error}")
        for fd in stay:
            os.set_inheritable(fd, False)
    os.close(memory)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def remember(state: Message) -> int:
    """Return a descriptor of memory that holds a state: an argument could be too long, and everybody reads those."""
    memory = os.memfd_create("guardian")
    with open(os.dup(memory), "wb") as file:
        file.write(json.dumps(state).encode())
    return memory


def note_down(journal: str) -> None:
    """Note as `journal` does that nothing runs any more; what was written before may end with a torn line."""
    with contextlib.suppress(OSError), open(journal, "ab") as file:
        file.write(b'\n{"sum": "%08x", "type": "down"}\n' % crc32(b'{"type": "down"}'))


def say(text: str) -> None:
    """Write to the supervisor's log, which is our stderr."""
    with contextlib.suppress(OSError):
        os.write(2, f"{time.strftime('%Y-%m-%d %H:%M:%S')},000 WARNING guardian: {text}\n".encode())


def main(make: Callable[[Message], Guardian]) -> None:
    """Be a guardian, until all is over; exit as the last supervisor did."""
    if sys.argv[2] == "check":
        return
    if sys.argv[2].isdigit():
        with open(int(sys.argv[2]), "rb") as memory:
            memory.seek(0)
            state = json.load(memory)
    else:
        state = json.loads(sys.argv[2])
    ours = {fd for _, fds, _ in state["kept"] for fd in fds} | {*(state.get("brain") or [])[1:]}
    for fd in map(int, os.listdir("/dev/fd")):
        if fd in ours:
            os.set_inheritable(fd, False)
        elif fd > 2:
            # Whatever else the caller's shell had open is none of our business, nor of the services'.
            with contextlib.suppress(OSError):
                os.close(fd)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    state.setdefault("open_files", [soft, hard])
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if sys.platform == "linux":
        # What ctypes does, without the memory of the rest of it.
        prctl = _ctypes.dlsym(_ctypes.dlopen(None, 0), "prctl")  # type: ignore[arg-type]  # None: what is loaded already
        _ctypes.call_function(prctl, (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
    guardian = make(state)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    sys.exit(guardian.run())
