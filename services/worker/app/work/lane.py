"""One lane of the worker: a thread with a decoder of its own, which takes one job after the other."""

import logging
import sqlite3
import threading
import time

from services.backend.app.models.asset import Status
from services.backend.app.models.claim_store import Claim, ClaimStore
from services.backend.app.models.database_problem import DatabaseProblem
from services.backend.app.models.job import Kind
from services.worker.app.decoding.decoder import Decoder, DecoderMissing

from .bell import Bell
from .processor import Processor, Trouble
from .tally import Tally

IDLE_S = 1.0
"""A lane looks for itself so often: a backoff that ends rings no bell."""

PAUSE_S = 2.0

log = logging.getLogger("mam.lane")


class Lane:
    """Works until :meth:`drain`; :meth:`cut` ends the file in hand, which is queued again."""

    def __init__(
        self, number: int, claims: ClaimStore, processor: Processor, decoder: Decoder, bell: Bell, tally: Tally
    ) -> None:
        self._name = f"lane {number}"
        self._claims = claims
        self._processor = processor
        self._decoder = decoder
        self._bell = bell
        self._tally = tally
        self._draining = threading.Event()
        self._cut = threading.Event()
        self._owed: Claim | None = None
        # A daemon thread: a decoder that cannot be ended must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def drain(self) -> None:
        """Take no further job."""
        self._draining.set()
        self._bell.ring()

    def cut(self) -> None:
        """End the file in hand."""
        self._cut.set()
        self._decoder.close()

    def join(self, timeout: float) -> bool:
        """Wait until the lane has ended; False when it has not."""
        if self._thread.is_alive():
            self._thread.join(max(timeout, 0.0))
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._warm_up()
            while not self._draining.is_set():
                heard = self._bell.rings
                if not self._step():
                    self._bell.wait(heard, IDLE_S)
        finally:
            self._decoder.close()

    def _warm_up(self) -> None:
        try:
            self._decoder.start()
        except DecoderMissing as error:
            self._trouble(str(error))

    def _step(self) -> bool:
        """Do one job; False when there was none, or none can be done."""
        try:
            self._settle()
            worked = self._work()
        except (Trouble, DatabaseProblem, sqlite3.Error) as error:
            self._trouble(str(error))
            self._draining.wait(PAUSE_S)
            return True
        except Exception as error:  # the lane is there for the next job, whatever this one did
            log.exception("%s met what it did not expect", self._name)
            self._trouble(f"{type(error).__name__}; the log says more")
            self._draining.wait(PAUSE_S)
            return True
        if worked:
            self._trouble(None)
        return worked

    def _settle(self) -> None:
        """Put back the job whose result could not be stored, instead of waiting until its lease ends."""
        if self._owed is not None:
            self._claims.release(self._owed)
            self._owed = None

    def _work(self) -> bool:
        claim = self._claims.claim(time.time())
        if claim is None:
            return False
        ready = False
        self._tally.begin(claim.job_id)
        try:
            after = self._processor.process(claim, stopped=self._cut.is_set)
            ready = claim.kind is Kind.THUMBNAIL and after is not None and after.status is Status.READY
        except (Trouble, DatabaseProblem, sqlite3.Error):
            self._owed = claim  # no fault of the file: it goes back as soon as that can be written
            raise
        except Exception as error:
            # Counted, so that a file that brings this about every time does not for ever.
            self._claims.retry(claim, f"the worker met what it did not expect ({type(error).__name__})", time.time())
            raise
        finally:
            self._tally.end(claim.job_id, ready=ready)
        return True

    def _trouble(self, text: str | None) -> None:
        if self._tally.note(self._name, text) and text is not None:  # once, not at every attempt
            log.error("%s is in trouble and tries again: %s", self._name, text)
