"""Answers that were given before: the latest used stay, for `ttl` seconds, within a number of entries and of bytes.

The key is made of everything that is sent to the model and of who answers; only how the answer is delivered stays out.
So a field that is added to the request later makes a new key by itself, and never a wrong hit.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

V = TypeVar("V")


def key_of(model_request: Mapping[str, Any], *server: str) -> str:
    """Return the key of a request to the server named by `server` (its address, kind and model)."""
    canonical = json.dumps([dict(model_request), server], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(slots=True)
class _Entry(Generic[V]):
    value: V
    size: int
    stored: float


class Cache(Generic[V]):
    """A bounded cache in memory, safe for threads. A `ttl` of 0 switches it off."""

    def __init__(
        self, ttl: float, max_entries: int, max_bytes: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.ttl = ttl
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._clock = clock
        self._entries: OrderedDict[str, _Entry[V]] = OrderedDict()
        self._lock = threading.Lock()
        self._bytes = self._hits = self._misses = 0

    def get(self, key: str) -> tuple[V, float] | None:
        """Return (value, its age in seconds), or None."""
        with self._lock:
            entry = self._entries.get(key)
            age = self._clock() - entry.stored if entry else 0.0
            if entry is None or age >= self.ttl:
                self._drop(key)
                self._misses += 1
                return None
            self._entries.move_to_end(key)
            self._hits += 1
            return entry.value, age

    def put(self, key: str, value: V, size: int) -> None:
        """Keep `value`, which takes about `size` bytes; what was used longest ago makes room."""
        with self._lock:
            self._drop(key)
            if self.ttl <= 0 or size > self._max_bytes:
                return
            self._entries[key] = _Entry(value, size, self._clock())
            self._bytes += size
            while len(self._entries) > self._max_entries or self._bytes > self._max_bytes:
                self._drop(next(iter(self._entries)))

    def clear(self) -> int:
        """Forget everything; return how many entries there were."""
        with self._lock:
            count = len(self._entries)
            self._entries.clear()
            self._bytes = 0
            return count

    def stats(self) -> dict[str, float]:
        """Return the figures that `GET /cache` shows."""
        with self._lock:
            figures = {"entries": len(self._entries), "bytes": self._bytes, "hits": self._hits, "misses": self._misses}
            return figures | {"ttl": self.ttl, "max_entries": self._max_entries, "max_bytes": self._max_bytes}

    def _drop(self, key: str) -> None:
        if (entry := self._entries.pop(key, None)) is not None:
            self._bytes -= entry.size
