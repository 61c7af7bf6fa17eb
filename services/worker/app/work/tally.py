"""What a worker's lanes have done, for its heartbeat."""

import threading
import time
from collections import deque

from services.backend.app.models.worker_store import Heartbeat

RATE_WINDOW_S = 60.0


class Tally:
    """Counts jobs and says what keeps the lanes from working. Thread-safe."""

    def __init__(self, lanes: int) -> None:
        self._lock = threading.Lock()
        self._lanes = lanes
        self._began = time.monotonic()
        self._jobs: set[int] = set()
        self._done = 0
        self._ready: deque[float] = deque(maxlen=10_000)
        self._troubles: dict[str, str] = {}
        self._news = False

    def begin(self, job_id: int) -> None:
        """Note a job that is begun."""
        with self._lock:
            self._jobs.add(job_id)

    def end(self, job_id: int, *, ready: bool = False) -> None:
        """Count a job that is over; ``ready``: an asset is ready by it."""
        with self._lock:
            self._jobs.discard(job_id)
            self._done += 1
            if ready:
                self._ready.append(time.monotonic())

    def note(self, who: str, trouble: str | None) -> bool:
        """Note what keeps ``who`` from working, or that nothing does; True when that is news."""
        with self._lock:
            before = self._troubles.get(who)
            if trouble is None:
                self._troubles.pop(who, None)
            else:
                self._troubles[who] = trouble
            self._news = self._news or before != trouble
        return before != trouble

    def took_news(self) -> bool:
        """Whether trouble came or went since the last call; such news does not wait for the next heartbeat."""
        with self._lock:
            news, self._news = self._news, False
        return news

    def heartbeat(self) -> Heartbeat:
        """Return what the heartbeat says."""
        now = time.monotonic()
        with self._lock:
            recent = sum(1 for moment in self._ready if moment >= now - RATE_WINDOW_S)
            # A worker that has just begun is not slow, it is young.
            window = min(RATE_WINDOW_S, max(now - self._began, 1.0))
            return Heartbeat(
                decoders=self._lanes,
                jobs=tuple(self._jobs),
                done=self._done,
                rate_per_s=round(recent / window, 2),
                trouble=next(iter(self._troubles.values()), None),
            )
