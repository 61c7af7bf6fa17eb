"""Signals as items of a queue: a handler only writes a byte into a pipe, and the loop does the work."""

from __future__ import annotations

import os
import signal
import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

WATCHED: Final = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGTSTP,
    signal.SIGCONT,
    signal.SIGWINCH,
)


class Signals:
    """The signals that arrived since they were last read; a context manager that puts the old handlers back."""

    def __init__(self) -> None:
        self._read, self._write = socket.socketpair()
        for end in (self._read, self._write):
            end.settimeout(0)
        self._before: dict[signal.Signals, object] = {}
        self._wakeup = -1

    def __enter__(self) -> Self:
        """Take the signals."""
        self._wakeup = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        for number in WATCHED:
            self._before[number] = signal.signal(number, _queued)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal returned, it takes
        signal.set_wakeup_fd(self._wakeup)
        self._read.close()
        self._write.close()

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._read.fileno()

    def read(self) -> list[signal.Signals]:
        """Return the signals that arrived, in their order."""
        try:
            data = self._read.recv(256)
        except BlockingIOError:
            return []
        return [signal.Signals(number) for number in data]

    def stop_here(self) -> None:
        """Stop this process as Ctrl-Z would; return when it is continued."""
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, _queued)


def _queued(number: int, frame: object) -> None:
    """Do nothing: the byte in the pipe is all that is wanted, and a handler keeps system calls interruptible."""
