"""Waking who waits for work."""

import threading


class Bell:
    """Rung when something may be due; each who waits hears every ring once."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rings = 0

    @property
    def rings(self) -> int:
        """How often it rang; take it before you look for work, then wait for the next."""
        return self._rings

    def ring(self) -> None:
        """Wake all who wait."""
        with self._condition:
            self._rings += 1
            self._condition.notify_all()

    def wait(self, heard: int, timeout: float) -> None:
        """Wait until it has rung more than ``heard`` times, or for ``timeout`` seconds."""
        with self._condition:
            self._condition.wait_for(lambda: self._rings > heard, timeout)
