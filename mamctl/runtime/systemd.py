"""What the service manager above us is told (sd_notify), and how it is told that the supervisor is well.

Only the standard library, and little of it: the guardian is made of this.
"""

from __future__ import annotations

import _socket
import contextlib
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

OURS = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class Systemd:
    """The manager that started us, if one did. `watchdog`: seconds within which it wants to hear of us; 0: never."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._socket = environ.get("NOTIFY_SOCKET")
        meant = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog = int(environ.get("WATCHDOG_USEC", "0")) / 1e6 if self._socket and meant else 0.0
        # What is the guardian's own business is not in the services' environment.
        self.environ = {name: value for name, value in environ.items() if name not in OURS}
        self._due = 0.0

    @property
    def words(self) -> dict[str, object]:
        """What a supervisor must know: whether it runs under a unit, and how often to say that it is well."""
        return {"unit": self._socket is not None, "heartbeat": self.watchdog / 4}

    def say(self, text: str) -> None:
        """Tell the manager; one that is gone does not hear it."""
        if self._socket is None:
            return
        address = "\0" + self._socket[1:] if self._socket.startswith("@") else self._socket
        line = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
        with contextlib.suppress(OSError):
            line.sendto(text.encode(), address)
        line.close()

    def tend(self, now: float) -> None:
        """Say in time that the guardian itself is well."""
        if self.watchdog and now >= self._due:
            self._due = now + self.watchdog / 3
            self.say("WATCHDOG=1")
