"""The worker: lanes that decode, a scout that finds, and the pulse that keeps both known to the others."""

import logging
import sqlite3
import threading
import time

from services.backend.app.config import Config
from services.backend.app.models.claim_store import ClaimStore
from services.backend.app.models.database import Database
from services.backend.app.models.database_problem import DatabaseProblem
from services.backend.app.models.root_store import RootStore
from services.backend.app.models.scan_store import ScanStore
from services.backend.app.models.worker_store import WorkerStore
from services.backend.app.services.media_roots import MediaRoots
from services.backend.app.services.media_types import support
from services.backend.app.services.thumbnail_store import ThumbnailStore
from services.worker.app.decoding.decoder import Decoder
from services.worker.app.scanning.late_moves import LateMoves
from services.worker.app.scanning.places import Places
from services.worker.app.scanning.sample_library import SampleLibrary
from services.worker.app.scanning.scanner import Scanner
from services.worker.app.scanning.scout import Library, Scout
from services.worker.app.scanning.watchers import Watchers
from services.worker.app.scanning.whereabouts import Whereabouts
from services.worker.app.settings import Settings

from .bell import Bell
from .change_watch import ChangeWatch
from .lane import Lane
from .processor import Processor
from .seat import Seat
from .tally import Tally

CUT_S = 1.0
"""What lanes have left to put their file back once it was cut off."""

log = logging.getLogger("mam.worker")


class Worker:
    """Owns everything between :meth:`start` and :meth:`stop`."""

    def __init__(self, config: Config, settings: Settings, database: Database, seat: Seat) -> None:
        self._settings = settings
        self._database = database
        self._seat = seat
        self._bell = Bell()
        self._tally = Tally(settings.decoders)
        self._workers = WorkerStore(database)
        self._changes = ChangeWatch(database.path)
        self._beat_at = 0.0
        # Whether the last heartbeat could not be written. News do not hurry the next one then: it would fail as well.
        self._is_mute = False
        self._claims = ClaimStore(database, seat.id, lease_s=settings.lease_s, backoff_s=settings.retry_s)
        support(config.media_types_extra)
        self._root = MediaRoots(config.media_base_path, config.further_roots)
        self._thumbnails = ThumbnailStore(config.thumbnail_dir)
        self._heard = threading.Event()
        self._lanes = [self._lane(number) for number in range(1, settings.decoders + 1)]
        self._sample_decoder = Decoder(deadline_s=settings.decode_s)
        self._scout = self._make_scout(config)

    @property
    def id(self) -> str:
        """The worker's id."""
        return self._seat.id

    def start(self) -> None:
        """Enter the list of workers, take over from the dead, and set everything to work."""
        try:
            self._enter()
            self._bury()
        except (DatabaseProblem, sqlite3.Error) as error:
            self._note(str(error))  # its first heartbeats try again
        for lane in self._lanes:
            lane.start()
        self._scout.start()

    def pulse(self) -> bool:
        """Look for what others wrote, and beat when it is time. Call it several times a second. True: it did beat."""
        beats = time.monotonic() >= self._beat_at or (not self._is_mute and self._tally.took_news())
        try:
            if self._changes.happened():
                self._bell.ring()
                self._heard.set()
            if beats:
                self._beat()
        except (DatabaseProblem, sqlite3.Error) as error:
            self._is_mute = True
            self._note(str(error))
        return beats

    def stop(self, *, at_once: threading.Event) -> None:
        """Finish what is in hand within the grace period, or put it back; ``at_once`` ends the patience."""
        for lane in self._lanes:
            lane.drain()
        self._scout.drain()
        end = time.monotonic() + self._settings.grace_s
        while not all(lane.join(0.02) for lane in self._lanes):
            if at_once.is_set() or time.monotonic() >= end:
                log.warning("what is in hand is cut off; it is queued again")
                break
            self.pulse()
        for lane in self._lanes:
            lane.cut()
        self._sample_decoder.close()
        for lane in self._lanes:
            lane.join(CUT_S)
        self._scout.join(CUT_S)
        self._changes.close()
        try:
            self._workers.leave(self.id)
        except (DatabaseProblem, sqlite3.Error) as error:
            log.warning("the list of workers still has this one: %s", error)  # its lock says that it is gone

    def _beat(self) -> None:
        self._beat_at = time.monotonic() + self._settings.heartbeat_s
        beat = self._tally.heartbeat()
        if not self._workers.beat(self.id, beat, time.time(), lease_s=self._settings.lease_s):
            self._enter()  # another worker has forgotten this one, which could not beat for a minute
        self._bury()
        self._is_mute = False
        self._note(None)

    def _enter(self) -> None:
        self._workers.enter(self.id, int(self.id.partition("-")[0]), self._settings.decoders, time.time())

    def _bury(self) -> None:
        back = self._workers.bury(self._seat.dead(self._workers.ids()), time.time())
        if back:
            log.warning("%d jobs were in the hands of workers that died; they are queued again", back)
            self._bell.ring()

    def _lane(self, number: int) -> Lane:
        decoder = Decoder(deadline_s=self._settings.decode_s)
        processor = Processor(self._root, self._claims, self._thumbnails, decoder)
        return Lane(number, self._claims, processor, decoder, self._bell, self._tally)

    def _make_scout(self, config: Config) -> Scout:
        scans, roots = ScanStore(self._database), RootStore(self._database)
        places = Places(Scanner(self._root, scans, roots), self._further_scanners(config, roots))
        late_moves = LateMoves(self._root, scans.copies, Whereabouts(self._root, roots))
        folder, marker = config.media_base_path, config.samples_marker
        return Scout(
            self.id,
            library=Library(self._claims, roots, scans, places, self._thumbnails, late_moves),
            samples=SampleLibrary(folder, marker, self._sample_decoder) if config.samples else None,
            watchers=Watchers(self._root.folders, self._heard) if self._settings.watch else None,
            heard=self._heard,
            tally=self._tally,
            interval_s=config.scan_interval_s,
            lease_s=self._settings.lease_s,
        )

    def _further_scanners(self, config: Config, roots: RootStore) -> dict[str, Scanner]:
        return {
            f"@{name}": Scanner(
                self._root, ScanStore(self._database, number), RootStore(self._database, number), name=f"@{name}"
            )
            for name, number in roots.enter(config.further_roots).items()
        }

    def _note(self, trouble: str | None) -> None:
        if self._tally.note("pulse", trouble) and trouble is not None:
            log.error("the worker is in trouble and tries again: %s", trouble)
