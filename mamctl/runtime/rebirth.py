"""How a process becomes a guardian: started anew by a command, or by replacing itself, with all that it has.

Only the standard library, and little of it: the guardian is made of this.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mamctl.runtime.wire import Message

# No site-packages, no settings of the user's, and the package's own folder last.
BOOT = "import sys; sys.path.append(sys.argv[1]); from mamctl.runtime.guardian import main; main()"


def boot() -> list[str]:
    """Return the command of a guardian; its state is the one argument that is missing."""
    folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return [sys.executable, "-I", "-S", "-c", BOOT, folder]


def become(state: Message) -> None:
    """Turn this process into a guardian with this state: its pid, its children and what is kept stay. May fail."""
    memory = os.memfd_create("guardian")
    os.write(memory, json.dumps(state).encode())
    stay = [memory, *(fd for _, fds, _ in state["kept"] for fd in fds), *(state.get("brain") or ())[1:]]
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        for fd in stay:
            os.set_inheritable(fd, True)
        os.execve(sys.executable, [*boot(), str(memory)], os.environ)  # noqa: S606 - it is ourselves
    except OSError as error:
        say(f"no new guardian: {error}")
        for fd in stay:
            os.set_inheritable(fd, False)
    os.close(memory)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def say(text: str) -> None:
    """Write to the supervisor's log, which is our stderr."""
    with contextlib.suppress(OSError):
        os.write(2, f"{time.strftime('%Y-%m-%d %H:%M:%S')},000 WARNING guardian: {text}\n".encode())
