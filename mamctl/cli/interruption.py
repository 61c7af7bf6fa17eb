"""Signals that end a command as an exception, so that what it has begun is put back; or as a call, inside a loop."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType, TracebackType
    from typing import Self

ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, TERM or a hangup; `exit_code` is what the command ends with."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


class Interruptions:
    """Takes the signals that would end the process while it is open: each becomes an Interrupted, or a call."""

    def __init__(self) -> None:
        self._before: dict[signal.Signals, object] = {}
        self._call: Callable[[], object] | None = None
        self._number: int | None = None

    def __enter__(self) -> Self:
        """Take them; what is ignored, as under nohup, stays ignored."""
        for number in ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give them back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal returned, it takes

    @property
    def pending(self) -> bool:
        """Whether there was a signal that was answered by a call, and is yet to be raised."""
        return self._number is not None

    @contextmanager
    def calling(self, call: Callable[[], object]) -> Iterator[None]:
        """Call this in place of raising, while the body runs; raise after it if there was a signal."""
        self._call, self._number = call, None
        try:
            yield
        finally:
            self._call = None
            if self._number is not None:
                raise Interrupted(self._number)

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if self._call is None:
            raise Interrupted(number)
        self._number = number
        self._call()
