"""How many questions the model is asked at once, and how many may wait. More than that are told to come back."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from services.agent.app.errors import ApiError, given_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOOK_UP_S = 0.25


class Gate:
    """Lets `width` through at a time and keeps `queue` waiting."""

    def __init__(self, width: int, queue: int) -> None:
        self._width = width
        self._queue = queue
        self._changed = threading.Condition()
        self._inside = self._waiting = 0

    @contextmanager
    def passage(self, patience: float, cancelled: Callable[[], bool]) -> Iterator[float]:
        """Hold one place; yield the seconds waited for it. ApiError: 429 the queue is full, 504 after `patience`."""
        started = time.monotonic()
        self._enter(started + patience, patience, cancelled)
        try:
            yield time.monotonic() - started
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def wait_empty(self, patience: float) -> bool:
        """Wait until nobody is inside, at most `patience` seconds; return whether that came true."""
        with self._changed:
            return self._changed.wait_for(lambda: self._inside == 0, patience)

    def figures(self) -> dict[str, int]:
        """Return how many are being answered and how many wait."""
        with self._changed:
            return {"active": self._inside, "waiting": self._waiting}

    def _enter(self, until: float, patience: float, cancelled: Callable[[], bool]) -> None:
        with self._changed:
            if self._inside >= self._width and self._waiting >= self._queue:
                raise ApiError(429, "QUEUE_FULL", f"{self._waiting} questions are waiting already", retry_after=2)
            self._waiting += 1
            try:
                while self._inside >= self._width:
                    self._wait_turn(until, patience, cancelled)
                self._inside += 1
            finally:
                self._waiting -= 1

    def _wait_turn(self, until: float, patience: float, cancelled: Callable[[], bool]) -> None:
        left = until - time.monotonic()
        if left <= 0:
            hint = "this limit is LLM_QUEUE_TIMEOUT, or 'timeout' in the request"
            raise ApiError(504, "LLM_TIMEOUT", f"no turn came within {patience:g} s", hint=hint)
        if cancelled():
            raise given_up()
        self._changed.wait(min(left, LOOK_UP_S))
