"""One stream of one service on its way into its log."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from mamctl.runtime.logs.appended import AppendIntake
from mamctl.runtime.logs.intake import PipeIntake
from mamctl.runtime.logs.logfile import LogFile
from mamctl.runtime.logs.loss import RETRY
from mamctl.runtime.logs.notices import Trouble
from mamctl.runtime.logs.pace import pause
from mamctl.runtime.without import lacks

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from mamctl.core.manifest.model import Logs
    from mamctl.runtime.logs.intake import Intake
    from mamctl.runtime.logs.notices import Notice

    IntakeMaker = Callable[[str, LogFile, Callable[[Notice], None]], Intake]
    """Makes an intake from the FIFO's path, the log, and who is told of trouble."""

# What one turn of the loop may spend on one sink, so that a flood starves nobody.
_TURN_BYTES: Final = 16 << 20
_TURN_SECONDS: Final = 0.02
# The same trouble is told again after this many seconds.
_TELL: Final = 5.0


def platform_intake() -> IntakeMaker:
    """Return how output comes in here: through a FIFO on Linux, elsewhere by the service appending to its log."""
    return PipeIntake if hasattr(os, "splice") and not lacks("splice") else AppendIntake


class Sink:
    """One stream of one service: FIFO, log file, index. Belongs to one loop; nothing here raises into it."""

    start: int
    """The logical position at which the current incarnation's output begins."""

    def __init__(
        self,
        *,
        path: str,
        fifo: str,
        index: str,
        policy: Logs,
        loop: asyncio.AbstractEventLoop,
        notify: Callable[[Notice], None],
        intake: IntakeMaker | None = None,
    ) -> None:
        """Open what is there or create it (0600). Raises OSError when that cannot be."""
        self._loop = loop
        self._notify = notify
        self._log = LogFile(path, index, policy, notify)
        try:
            self._intake: Intake = (intake or platform_intake())(fifo, self._log, notify)
        except OSError:
            self._log.close()
            raise
        self.start = self._log.position
        self._watchers: list[Callable[[], None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._listening = False
        self._closed = False
        self._emptied_at = loop.time()
        self._told_at = float("-inf")
        self._listen()

    @property
    def position(self) -> int:
        """The logical position of the log's end."""
        return self._log.position

    @property
    def generation(self) -> int:
        """The incarnation that output is attributed to; 0 before the first."""
        return self._log.generation

    def fileno(self) -> int:
        """Return the descriptor of the FIFO, which may be handed over."""
        return self._intake.fileno()

    def child_end(self, generation: int) -> int:
        """Return a new blocking descriptor for the output of incarnation `generation`; the caller closes it.

        What is in the pipe by now still belongs to the incarnation before. Raises OSError.
        """
        self.drain()
        descriptor = self._intake.child_end()
        self.start = self._log.begin(generation)
        return descriptor

    def extra_end(self) -> int:
        """Return one more descriptor for output of the incarnation that runs; the caller closes it. Raises OSError."""
        return self._intake.child_end()

    def rewind(self, generation: int) -> None:
        """Take the incarnation that another supervisor started for the current one, with all that it wrote."""
        self.start = self._log.beginning(generation)

    def drain(self) -> None:
        """Store all that waits now; not what comes meanwhile, so that it ends."""
        if self._closed:
            return
        before = self._log.position
        left = self._intake.waiting()
        while left > 0:
            moved = self._pump()
            if not moved:
                break
            left -= moved
        if self._intake.stuck and self._timer is None:
            self._schedule(0.0)
        self._announce(before)

    def watch(self, on_output: Callable[[], None]) -> Callable[[], None]:
        """Call `on_output` in the loop each time that bytes have landed; return what ends that."""
        self._watchers.append(on_output)

        def unwatch() -> None:
            if on_output in self._watchers:
                self._watchers.remove(on_output)

        return unwatch

    def rotate(self) -> None:
        """Store what waits, and let the log begin anew. Raises OSError, also where the service itself writes to it."""
        if isinstance(self._intake, AppendIntake):
            raise OSError(errno.EBUSY, "the service itself writes to it")
        self.drain()
        self._log.settle()
        if not self._log.rotate():
            raise OSError(errno.EIO, "logs/mamctl.log tells why")

    def reconfigure(self, policy: Logs) -> None:
        """Use another size and number of old files from now on."""
        self._log.policy = policy

    def close(self) -> None:
        """Store what waits and let go of everything. The files stay; so does the FIFO. May be called twice."""
        if self._closed:
            return
        self.drain()
        self._closed = True
        self._deafen()
        self._cancel()
        self._watchers.clear()
        self._intake.close()
        self._log.close()

    def _wake(self) -> None:
        """Move what came, and decide when to look again."""
        self._cancel()
        if self._closed:
            return
        before = self._log.position
        moved = 0
        try:
            moved = self._turn()
        finally:
            self._schedule(self._rest(moved))
        self._announce(before)

    def _rest(self, moved: int) -> float:
        now = self._loop.time()
        elapsed, self._emptied_at = now - self._emptied_at, now
        return pause(moved=moved, elapsed=elapsed, capacity=self._intake.capacity) if moved else 0.0

    def _turn(self) -> int:
        """Pump while much comes, for as long as is fair to the others; return the bytes."""
        deadline = self._loop.time() + _TURN_SECONDS
        much = self._intake.capacity // 2
        total = 0
        while total < _TURN_BYTES:
            moved = self._pump()
            total += moved
            if moved < much or self._loop.time() > deadline:
                break
        return total

    def _pump(self) -> int:
        try:
            return self._intake.pump()
        except OSError as error:
            self._trouble(error)
            return 0

    def _trouble(self, error: OSError) -> None:
        if self._loop.time() - self._told_at >= _TELL:
            self._told_at = self._loop.time()
            self._notify(Trouble(f"{self._log.path}: {error.strerror or error}"))

    def _schedule(self, rest: float) -> None:
        if rest > 0:
            self._deafen()
            self._timer = self._loop.call_later(rest, self._wake)
            return
        self._listen()
        if self._intake.stuck:
            self._timer = self._loop.call_later(RETRY, self._wake)

    def _announce(self, before: int) -> None:
        if self._log.position == before:
            return
        for on_output in tuple(self._watchers):
            on_output()

    def _listen(self) -> None:
        if not self._listening:
            self._loop.add_reader(self._intake.fileno(), self._wake)
            self._listening = True

    def _deafen(self) -> None:
        if self._listening:
            self._loop.remove_reader(self._intake.fileno())
            self._listening = False

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
