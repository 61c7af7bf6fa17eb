"""Identical questions at the same time are asked once: the first asks, the others wait for its answer."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

from services.agent.app.errors import CANCELLED, ApiError, given_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

V = TypeVar("V")
LOOK_UP_S = 0.25


class _Shared(Generic[V]):
    def __init__(self) -> None:
        self.done = threading.Event()
        self.value: V | None = None
        self.error: ApiError | None = None


class Place(Generic[V]):
    """One asker's place among those who ask the same. The `first` one asks, and must `set` the answer."""

    def __init__(self, shared: _Shared[V], *, first: bool) -> None:
        self._shared = shared
        self.first = first

    def set(self, value: V) -> None:
        """Give the answer to the others."""
        self._shared.value = value

    def result(self, patience: float, gone: Callable[[], bool]) -> V | None:
        """Wait for the first one's answer, at most `patience` seconds; raise its ApiError.

        None means that the first one left before there was an answer: nothing is known, ask for yourself.
        """
        until = time.monotonic() + patience
        while not self._shared.done.wait(max(0.0, min(LOOK_UP_S, until - time.monotonic()))):
            if gone():
                raise given_up()
            if time.monotonic() >= until:
                raise ApiError(504, "LLM_TIMEOUT", f"no answer came within {patience:g} s")
        if self._shared.error is not None:
            error = self._shared.error
            raise ApiError(error.status, error.code, error.message, hint=error.hint, retry_after=error.retry_after)
        return self._shared.value


class SameQuestions(Generic[V]):
    """The questions that are being asked right now, by key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[str, _Shared[V]] = {}

    @contextmanager
    def join(self, key: str) -> Iterator[Place[V]]:
        """Take a place among those who ask `key`."""
        with self._lock:
            first = key not in self._asked
            shared = self._asked.setdefault(key, _Shared())
        try:
            yield Place(shared, first=first)
        except ApiError as error:
            if first and error.code != CANCELLED:
                shared.error = error
            raise
        finally:
            if first:
                self._finish(key, shared)

    def _finish(self, key: str, shared: _Shared[V]) -> None:
        with self._lock:
            del self._asked[key]
        shared.done.set()
