"""Running a worker: settings, seat, database, then work until a signal comes."""

import logging
import os
import select
import signal
import sqlite3
import sys
import threading
from contextlib import closing, suppress
from types import FrameType

from services.backend.app.config import Config
from services.backend.app.log import configure_log
from services.backend.app.models.asset_store import AssetStore
from services.backend.app.models.data_lock import DataHold, DataInUse
from services.backend.app.models.database import Database
from services.backend.app.models.database_problem import DatabaseProblem
from services.backend.app.models.storage_problem import way_out

from .settings import Settings
from .work.notify import tell
from .work.seat import Seat
from .work.worker import Worker

PULSE_S = 0.05

log = logging.getLogger("mam.worker")


class Bidding:
    """What signals asked for. A handler only writes a byte; who reads it decides."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._enqueue)
        self.twice = threading.Event()

    def wait(self, timeout: float) -> bool:
        """Wait for a signal; False when none came in time."""
        ready, _, _ = select.select([self._read], [], [], timeout)
        return bool(ready and os.read(self._read, 1))

    def listen_for_second(self) -> None:
        """Note the next signal in ``twice``, from a thread."""
        threading.Thread(target=self._listen, name="bidding", daemon=True).start()

    def _listen(self) -> None:
        if self.wait(3600.0):
            self.twice.set()

    def _enqueue(self, _number: int, _frame: FrameType | None) -> None:
        try:
            os.write(self._write, b".")
        except BlockingIOError:
            return  # thousands wait to be read; one more says nothing new


def serve(config: Config, settings: Settings) -> int:
    """Work until SIGTERM, SIGINT or SIGHUP: 0 then, 1 when it cannot start."""
    bidding = Bidding()
    configure_log(debug=config.debug)
    logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it tells of every change; scans say what came of it
    try:
        config.thumbnail_dir.mkdir(parents=True, exist_ok=True)
        with closing(DataHold(config.workers_lock_path)), closing(Database(config.database_path)) as database:
            return _work(config, settings, database, bidding)
    except DataInUse as error:
        return _refuse(str(error), "a reset or restore of the database is going on; start again when it is over")
    except (DatabaseProblem, sqlite3.Error) as error:
        return _refuse(str(error), way_out(config.data_dir, error))
    except OSError as error:
        return _refuse(f"the data folder cannot be used: {error.strerror}", way_out(config.data_dir, error))


def _work(config: Config, settings: Settings, database: Database, bidding: Bidding) -> int:
    # Only for a new library: the missing folder of an old one is a disk that is not mounted.
    if AssetStore(database).is_empty():
        with suppress(OSError):  # health says that the folder is not there
            config.media_base_path.mkdir(parents=True, exist_ok=True)
    seat = Seat(config.data_dir / "workers")
    try:
        worker = Worker(config, settings, database, seat)
        worker.start()
        worker.pulse()
        log.info("worker %s works with %d decoders", worker.id, settings.decoders)
        tell("READY=1", f"STATUS={settings.decoders} decoders")
        while not bidding.wait(PULSE_S):
            if worker.pulse():
                tell("WATCHDOG=1")
        tell("STOPPING=1")
        bidding.listen_for_second()
        worker.stop(at_once=bidding.twice)
    finally:
        seat.leave()
    log.info("stopped")
    return 0


def _refuse(why: str, hint: str) -> int:
    print(f"error: {why}\nhint: {hint}", file=sys.stderr)
    return 1
