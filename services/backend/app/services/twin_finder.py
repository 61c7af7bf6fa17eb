"""Finding the asset that has a content already."""

from services.backend.app.models.asset import Asset
from services.backend.app.models.database import Database
from services.backend.app.models.duplicates import Duplicates

from .content_hash import content_hash, quick_hash
from .media_root import MediaRoot, PathRejected, closed


class TwinFinder:
    """Compares an open file with the library. Reads whole files where their ends agree: it belongs into a thread."""

    def __init__(self, database: Database, root: MediaRoot) -> None:
        self._duplicates = Duplicates(database)
        self._root = root

    def find(self, descriptor: int, *, but: int | None = None) -> Asset | None:
        """Return an asset outside of the trash, other than ``but``, that has the same bytes."""
        quick = quick_hash(descriptor)
        if all(number == but for number in self._duplicates.alike(quick)):
            return None
        content = content_hash(descriptor)
        known = self._duplicates.with_content(quick, content, but=but)
        unread = self._duplicates.unread(quick) if known is None else []
        return known or next((one for one in unread if one.id != but and self._content_of(one) == content), None)

    def _content_of(self, asset: Asset) -> str | None:
        try:
            descriptor = self._root.open(asset.file_path)
        except (OSError, PathRejected):
            return None
        try:
            return content_hash(descriptor)
        except OSError:
            return None
        finally:
            closed(descriptor)
