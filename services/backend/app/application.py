"""The application: all parts of the backend, built once and handed to whoever needs them."""

from pathlib import Path

from .config import Config
from .models.asset_page import AssetPages
from .models.asset_store import AssetStore
from .models.collection_store import CollectionStore
from .models.database import Database
from .models.job_store import JobStore
from .models.root_store import RootStore
from .models.soundness import Soundness
from .models.sprite_store import SpriteStore
from .models.tag_store import TagStore
from .models.worker_store import WorkerStore
from .services.events import Hub
from .services.health import HealthCheck
from .services.media_roots import MediaRoots
from .services.media_types import support
from .services.thumbnail_store import ThumbnailStore
from .services.twin_finder import TwinFinder
from .services.upload_store import UploadStore


class Application:
    """Opens the database and builds the parts; :meth:`start` sets them to work.

    Raises DatabaseProblem, sqlite3.Error or OSError when the data folder cannot be used.
    """

    def __init__(self, config: Config, *, unclean: bool = False) -> None:
        """``unclean``: the last backend died, and the database is to be looked through."""
        self.config = config
        self._soundness = Soundness(config.database_path) if unclean else None
        support(config.media_types_extra)
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
        self.pages = AssetPages(self.database)
        self.jobs = JobStore(self.database)
        self.workers = WorkerStore(self.database)
        self.roots = RootStore(self.database)
        self.sprites = SpriteStore(self.database)
        self.roots.enter(config.further_roots)
        self.media_root = MediaRoots(config.media_base_path, config.further_roots)
        self.tags = TagStore(self.database)
        self.collections = CollectionStore(self.database)
        self.twins = TwinFinder(self.database, self.media_root)
        self.uploads = UploadStore(self.database, self.media_root)
        self.thumbnails = ThumbnailStore(config.thumbnail_dir)
        self.hub = Hub(self.database)
        self.health = HealthCheck(config, self.hub, self.media_root, self.workers, self.roots, self._soundness)
        # Only for a new library: the missing folder of an old one is a disk that is not mounted,
        # and a folder made in its place would hide that.
        if self.assets.is_empty():
            _make_folder(config.media_base_path)

    def start(self) -> None:
        """Begin to deliver events, in the running event loop."""
        self.hub.open()
        if self._soundness is not None:
            self._soundness.start()

    def stop(self) -> None:
        """Stop delivering and close the database."""
        self.hub.close()
        if self._soundness is not None:
            self._soundness.stop()
        self.database.close()


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # health says that the media folder cannot be read
