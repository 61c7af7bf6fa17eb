"""The background thread: draws the samples, scans the folder, turns queued assets into ready ones.

It is the only user of the decoder and does one thing at a time, in this order: a scan that is due,
the next queued asset, a sample that is still to be drawn, else it waits. A scan is due after each
sample, so the first picture of a new library appears long before the last one is drawn.
"""

import logging
import threading
import time
from collections import deque

from services.backend.app.models.work_store import WorkStore

from .decoder import Decoder
from .processor import Processor
from .sample_library import SampleLibrary
from .scanner import Scanner

RATE_WINDOW_S = 60.0
PAUSE_AFTER_TROUBLE_S = 2.0
STOP_S = 0.8

log = logging.getLogger("mam.pipeline")


class Pipeline:
    """The thread and what it works with."""

    def __init__(
        self,
        *,
        work: WorkStore,
        scanner: Scanner,
        processor: Processor,
        samples: SampleLibrary | None,
        decoder: Decoder,
        scan_interval_s: float,
    ) -> None:
        self._work = work
        self._scanner = scanner
        self._processor = processor
        self._samples = samples
        self._decoder = decoder
        self._interval_s = scan_interval_s
        self._stopping = threading.Event()
        self._due = threading.Event()
        self._scan_at = 0.0
        self._beat = time.monotonic()
        self._done: deque[float] = deque(maxlen=10_000)
        self._trouble: str | None = None
        self._idle = False
        # A daemon thread: a decoder that cannot be ended must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name="pipeline", daemon=True)

    @property
    def is_working(self) -> bool:
        """Whether the thread is there and its last step met no trouble."""
        return self._thread.is_alive() and self._trouble is None

    @property
    def heartbeat_age_s(self) -> float:
        """Seconds since the thread last began a step."""
        return round(time.monotonic() - self._beat, 1)

    @property
    def is_idle(self) -> bool:
        """Whether the thread waits because nothing is due."""
        return self._idle

    @property
    def decoder_pid(self) -> int | None:
        """The process that decodes, while there is one."""
        return self._decoder.pid

    @property
    def rate_per_s(self) -> float:
        """Assets processed per second, over the last minute."""
        since = time.monotonic() - RATE_WINDOW_S
        return round(sum(1 for moment in tuple(self._done) if moment >= since) / RATE_WINDOW_S, 2)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def wake(self) -> None:
        """Say that an asset is queued."""
        self._due.set()

    def stop(self) -> None:
        """End the work, also in the middle of a file; that file is queued again."""
        self._stopping.set()
        self._due.set()
        self._decoder.close()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def _run(self) -> None:
        prepared = False
        while not self._stopping.is_set():
            self._beat = time.monotonic()
            self._due.clear()
            try:
                if not prepared:
                    self._prepare()
                    prepared = True
                busy = self._step()
                self._trouble = None
            except Exception as error:  # noqa: BLE001  whatever it is, the next step is tried
                if self._stopping.is_set():
                    return
                self._note(error)
                prepared = False  # what was in the making is queued again
                self._stopping.wait(PAUSE_AFTER_TROUBLE_S)
                continue
            if not busy:
                self._idle = True
                self._due.wait(self._idle_s())
                self._idle = False

    def _prepare(self) -> None:
        resumed = self._work.resume()
        if resumed:
            log.info("%d assets were in the making when the last run ended; they are queued again", resumed)
        redrawn = self._processor.requeue_lost_thumbnails()
        if redrawn:
            log.info("%d thumbnails are not on the disk; they are drawn again", redrawn)
        if self._samples:
            self._samples.look()

    def _step(self) -> bool:
        """Do the next thing; False when there was nothing to do."""
        if time.monotonic() >= self._scan_at:
            self._scan()
        asset = self._work.claim()
        if asset is not None:
            self._processor.process(asset, stopped=self._stopping.is_set)
            self._done.append(time.monotonic())
            return True
        if self._samples and self._samples.draw_next():
            self._scan_at = 0.0
            return True
        return False

    def _scan(self) -> None:
        started = time.monotonic()
        result = self._scanner.scan(stopped=self._pulse)
        took = time.monotonic() - started
        # A folder so large that reading it takes long is read less often: at most 5 % of the time.
        pause = max(self._interval_s, 20 * took) if self._interval_s else float("inf")
        self._scan_at = time.monotonic() + pause
        if result.is_news:
            log.info(
                "scan: %d files, %d new, %d changed, %d missing, %d not usable, %.2f s",
                result.files, result.created, result.changed, result.missing, result.skipped, took,
            )  # fmt: skip

    def _pulse(self) -> bool:
        """Show that a long scan is alive; True when it shall end."""
        self._beat = time.monotonic()
        return self._stopping.is_set()

    def _idle_s(self) -> float | None:
        left = self._scan_at - time.monotonic()
        return None if left == float("inf") else max(left, 0.0)

    def _note(self, error: Exception) -> None:
        text = f"{type(error).__name__}: {getattr(error, 'strerror', None) or error}"
        if text != self._trouble:  # once, not at every attempt
            log.error("the pipeline is in trouble and tries again: %s", text)
        self._trouble = text
