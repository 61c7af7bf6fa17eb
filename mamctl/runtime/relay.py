"""What moves the output of a service's terminal into its FIFO, from where it goes on as everybody's output does.

The supervisor does it, and while none lives, the guardian. Inside the kernel (splice): a kill cannot fall between
"taken" and "passed on". Only the standard library, and little of it: the guardian is made of this.
"""

from __future__ import annotations

import errno
import os

_CHUNK = 1 << 16
_NO_SPLICE = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


class Relay:
    """Moves what waits in a terminal's `master` to `end`, the service's end of its output; both belong to others.

    `hung`: nobody had the terminal open when it was looked at last. The master never waits. An end that is full is no
    loss: what does not fit waits in the terminal, and the service with it.
    """

    def __init__(self, master: int, end: int) -> None:
        self._master = master
        self._end = end
        self._rest = b""
        self._can_splice = hasattr(os, "splice")
        self.lost = 0
        self.hung = False

    def move(self) -> int:
        """Move once what waits; return the bytes, 0 when there is nothing, no room, or nobody on the terminal."""
        self.hung = False
        try:
            return os.splice(self._master, self._end, _CHUNK, flags=3) if self._can_splice else self._copy()
        except BlockingIOError:
            return 0
        except OSError as error:
            if self._can_splice and error.errno in _NO_SPLICE:
                # A pipe that never waits is needed to copy; this end of it is nobody else's.
                os.set_blocking(self._end, False)
                self._can_splice = False
                return self.move()
            self.hung = True
            return 0

    def close(self) -> None:
        """Do nothing: as a `Drain` it is closed, but the descriptors are not its own."""

    def _copy(self) -> int:
        """Do without splice: macOS has none, and kernels before 5.12 none for terminals."""
        data = self._rest or os.read(self._master, _CHUNK)
        self._rest = data
        written = os.write(self._end, data)
        self._rest = data[written:]
        return written
