"""The application: all parts of the backend, built once and handed to whoever needs them."""

from pathlib import Path

from .config import Config
from .models.asset_store import AssetStore
from .models.database import Database
from .models.work_store import WorkStore
from .services.decoder import Decoder
from .services.events import Hub
from .services.health import HealthCheck
from .services.media_root import MediaRoot
from .services.pipeline import Pipeline
from .services.processor import Processor
from .services.sample_library import SampleLibrary
from .services.scanner import Scanner
from .services.thumbnail_store import ThumbnailStore


class Application:
    """Opens the database and builds the parts; :meth:`start` sets them to work.

    Raises DatabaseProblem, sqlite3.Error or OSError when the data folder cannot be used.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        config.thumbnail_dir.mkdir(parents=True, exist_ok=True)
        self.database = Database(config.database_path)
        try:
            self._build()
        except BaseException:
            self.database.close()
            raise

    def _build(self) -> None:
        config = self.config
        self.assets = AssetStore(self.database)
        self.work = WorkStore(self.database)
        self.media_root = MediaRoot(config.media_base_path)
        self.thumbnails = ThumbnailStore(config.thumbnail_dir)
        self.hub = Hub(self.database)
        self.pipeline = self._pipeline()
        self.health = HealthCheck(config, self.hub, self.media_root, self.pipeline)
        # Only for a new library: the missing folder of an old one is a disk that is not mounted,
        # and a folder made in its place would hide that.
        if self.assets.is_empty():
            _make_folder(config.media_base_path)

    def _pipeline(self) -> Pipeline:
        config, decoder = self.config, Decoder()
        notify = self.hub.tell_asset
        return Pipeline(
            work=self.work,
            scanner=Scanner(self.media_root, self.work, notify=notify),
            processor=Processor(self.media_root, self.work, self.thumbnails, decoder, notify=notify),
            samples=SampleLibrary(config.media_base_path, config.samples_marker, decoder) if config.samples else None,
            decoder=decoder,
            scan_interval_s=config.scan_interval_s,
        )

    def start(self) -> None:
        """Begin to deliver events and to process, in the running event loop."""
        self.hub.open()
        self.pipeline.start()

    def stop(self) -> None:
        """End the processing and close the database; takes at most about 2 s, usually none."""
        self.hub.close()
        self.pipeline.stop()
        self.database.close()


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # health says that the media folder cannot be read
