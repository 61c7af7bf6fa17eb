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
    """Admits `width + queue` questions and lets `width` of them through at a time.

    Whoever waits holds a thread, whatever for. So everyone is counted who may have to wait, and threads remain for
    the rest: health must be answered also when the house is full.
    """

    def __init__(self, width: int, queue: int) -> None:
        self._width = width
        self._most = width + queue
        self._changed = threading.Condition()
        self._admitted = self._inside = 0

    @contextmanager
    def admission(self) -> Iterator[None]:
        """Be one of those who are answered or wait; raise ApiError 429 at once when that are too many."""
        with self._changed:
            if self._admitted >= self._most:
                raise ApiError(
                    429, "QUEUE_FULL", f"{self._admitted} questions are being answered or wait", retry_after=2
                )
            self._admitted += 1
        try:
            yield
        finally:
            with self._changed:
                self._admitted -= 1
                self._changed.notify_all()

    @contextmanager
    def passage(self, patience: float, cancelled: Callable[[], bool]) -> Iterator[float]:
        """Hold one of the places; yield the seconds waited for it. Raises ApiError 504 after `patience` seconds."""
        started = time.monotonic()
        with self._changed:
            while self._inside >= self._width:
                self._wait_turn(started + patience, patience, cancelled)
            if cancelled():
                raise given_up()
            self._inside += 1
        try:
            yield time.monotonic() - started
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def wait_empty(self, patience: float) -> bool:
        """Wait until nobody is left, at most `patience` seconds; return whether that came true."""
        with self._changed:
            return self._changed.wait_for(lambda: self._admitted == 0, patience)

    def figures(self) -> dict[str, int]:
        """Return how many are being answered and how many wait."""
        with self._changed:
            return {"active": self._inside, "waiting": self._admitted - self._inside}

    def _wait_turn(self, until: float, patience: float, cancelled: Callable[[], bool]) -> None:
        left = until - time.monotonic()
        if left <= 0:
            hint = "this limit is LLM_QUEUE_TIMEOUT, or 'timeout' in the request"
            raise ApiError(504, "LLM_TIMEOUT", f"no turn came within {patience:g} s", hint=hint)
        if cancelled():
            raise given_up()
        self._changed.wait(min(left, LOOK_UP_S))
