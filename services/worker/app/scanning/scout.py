"""The scout: one thread in each worker, of which one at a time has the media folder (a lease in the database).

Who has it scans: at the start, at intervals, when somebody asks (a job), where the watcher heard of a change. It also
draws the samples of a new library, and has thumbnails drawn again that are gone from the disk. When its worker dies,
the scout of another takes over.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from services.backend.app.models.claim_store import Claim, ClaimStore
from services.backend.app.models.database_problem import DatabaseProblem
from services.backend.app.models.root_store import RootStore
from services.backend.app.models.scan_store import ScanStore
from services.backend.app.services.thumbnail_store import ThumbnailStore
from services.worker.app.decoding.decoder import DecoderMissing
from services.worker.app.work.tally import Tally

from .late_moves import LateMoves
from .places import Places
from .sample_library import SampleLibrary
from .scanner import RootAway, ScanResult
from .watchers import Watchers

LOOK_S = 0.5
RENEW_S = 2.0
JOIN_S = 1.0
AWAY_S = 5.0
"""So often a root that is offline is looked for, whatever the interval of scans."""

NAME = "scout"
NEVER = float("inf")

log = logging.getLogger("mam.scout")


@dataclass(frozen=True, slots=True)
class Library:
    """What the scout works on."""

    claims: ClaimStore
    roots: RootStore
    scans: ScanStore
    scanner: Places
    thumbnails: ThumbnailStore
    late_moves: LateMoves


class Scout:
    """Works until :meth:`stop`."""

    def __init__(
        self,
        worker: str,
        *,
        library: Library,
        samples: SampleLibrary | None,
        watchers: Watchers | None,
        heard: threading.Event,
        tally: Tally,
        interval_s: float,
        lease_s: float,
    ) -> None:
        self._worker = worker
        self._claims = library.claims
        self._roots = library.roots
        self._scans = library.scans
        self._scanner = library.scanner
        self._thumbnails = library.thumbnails
        self._late_moves = library.late_moves
        self._samples = samples
        self._watchers = watchers
        self._heard = heard
        self._tally = tally
        self._interval_s = interval_s
        self._lease_s = lease_s
        self._stopping = threading.Event()
        self._leads = False
        self._renew_at = 0.0
        self._scan_at = 0.0
        self._look_at = 0.0
        self._join_at = 0.0
        self._thread = threading.Thread(target=self._run, name=NAME, daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def drain(self) -> None:
        """End what is being done, soon; the next scan begins anew."""
        self._stopping.set()
        self._heard.set()

    def join(self, timeout: float) -> None:
        """Wait until it has ended."""
        if self._thread.is_alive():
            self._thread.join(max(timeout, 0.0))

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._heard.clear()
                if not self._step():
                    self._heard.wait(LOOK_S)
        finally:
            if self._watchers is not None:
                self._watchers.stop()

    def _step(self) -> bool:
        """Do one thing; False when there was none."""
        try:
            worked = self._renewed() and self._lead()
        except (DatabaseProblem, sqlite3.Error, OSError, DecoderMissing) as error:
            self._trouble(f"{type(error).__name__}: {getattr(error, 'strerror', None) or error}")
            self._stopping.wait(AWAY_S)
            return True
        except Exception as error:  # the folder is scanned again, whatever this scan met
            log.exception("the scout met what it did not expect")
            self._trouble(f"{type(error).__name__}; the log says more")
            self._stopping.wait(AWAY_S)
            return True
        self._trouble(None)
        return worked

    def _renewed(self) -> bool:
        """Whether the folder is ours, for a while longer."""
        now = time.monotonic()
        if now >= self._renew_at:
            self._renew_at = now + RENEW_S
            led, self._leads = self._leads, self._roots.watch(self._worker, time.time(), lease_s=self._lease_s)
            if self._leads and not led:
                self._begin()
            elif not self._leads and self._watchers is not None:
                self._watchers.stop()  # a scan may have found out before that another worker leads
        return self._leads

    def _begin(self) -> None:
        self._scan_at = 0.0
        lost = [number for number, key in self._scans.ready_thumbnails() if not self._thumbnails.has(key)]
        if lost:
            log.info("%d thumbnails are not on the disk; they are drawn again", len(lost))
            self._scans.redraw(lost)

    def _lead(self) -> bool:
        if time.monotonic() >= self._join_at:
            found = self._late_moves.find()
            self._join_at = 0.0 if found else time.monotonic() + JOIN_S
        claim = self._claims.claim_scan(time.time())
        if claim is not None:
            self._tally.begin(claim.job_id)
            try:
                self._scan_as_asked(claim)
            finally:
                self._tally.end(claim.job_id)
            return True
        if time.monotonic() >= self._scan_at:
            self._scan_all()
            return True
        changed = self._watchers.take() if self._watchers is not None else []
        for name, folder in changed + self._returning():
            self._scan(name, folder)
        if changed:
            return True
        if self._samples is not None and self._samples.draw_next():
            self._scan_at = 0.0
            return True
        return False

    def _scan_as_asked(self, claim: Claim) -> None:
        def pulse(result: ScanResult) -> bool:
            return self._pulse(result, report=lambda: self._claims.report(claim, result.to_json()))

        folder, accept = str(claim.parameters.get("folder", "")), bool(claim.parameters.get("accept_missing"))
        try:
            result = self._scanner.scan(folder, accept_missing=accept, stopped=pulse)
        except RootAway as error:
            self._claims.finish_scan(claim, {}, error=str(error))
            return
        finally:
            self._follow()
        if self._stopping.is_set() or not self._leads:
            self._claims.release(claim)
            return
        self._claims.finish_scan(claim, result.to_json())
        _say(result, folder)

    def _scan_all(self) -> None:
        started = time.monotonic()
        for name in self._scanner.names:
            self._scan(name)
        took = time.monotonic() - started
        # A folder so large that reading it takes long is read less often: at most 5 % of the time.
        self._scan_at = time.monotonic() + max(self._interval_s, 20 * took) if self._interval_s else NEVER

    def _returning(self) -> list[tuple[str, str]]:
        """Return the media folders that were away, when it is time to look whether they are back."""
        if not self._scanner.away or time.monotonic() < self._look_at:
            return []
        self._look_at = time.monotonic() + AWAY_S
        return [(name, "") for name in self._scanner.away]

    def _scan(self, name: str, folder: str = "") -> None:
        if self._samples is not None and not (name or folder):
            self._samples.look()
        try:
            result = self._scanner.scan_in(name, folder, stopped=self._pulse)
        except RootAway:
            self._look_at = time.monotonic() + AWAY_S
        else:
            _say(result, "/".join(filter(None, (name, folder))))
        self._follow()

    def _follow(self) -> None:
        if self._watchers is not None and self._leads:
            self._watchers.follow(self._scanner.folders)

    def _pulse(self, _result: ScanResult, *, report: Callable[[], bool] | None = None) -> bool:
        """Keep the lease during a long scan; True when the scan shall end."""
        if self._stopping.is_set():
            return True
        if time.monotonic() < self._renew_at:
            return False
        self._renew_at = time.monotonic() + RENEW_S
        self._leads = self._roots.watch(self._worker, time.time(), lease_s=self._lease_s)
        return not self._leads or (report is not None and not report())

    def _trouble(self, text: str | None) -> None:
        if self._tally.note(NAME, text) and text is not None:  # once, not at every attempt
            log.error("the scout is in trouble and tries again: %s", text)


def _say(result: ScanResult, folder: str) -> None:
    if result.is_news:
        log.info(
            "scan of %r: %d files, %d new, %d changed, %d moved, %d back, %d missing, %d not usable", folder or "all",
            result.files, result.created, result.changed, result.moved, result.returned, result.missing, result.skipped,
        )  # fmt: skip
