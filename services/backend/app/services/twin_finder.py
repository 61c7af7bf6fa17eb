"""Finding the asset that has a content already."""

import os
from dataclasses import dataclass

from services.backend.app.models.asset import Asset
from services.backend.app.models.database import Database
from services.backend.app.models.duplicates import Duplicates

from .content_hash import content_hash, quick_hash
from .media_root import MediaRoot, PathRejected, closed

AT_ONCE_BYTES = 64 * 1024 * 1024
"""Files up to this size are compared while somebody waits for the answer: that takes some tenths of a second."""


@dataclass(frozen=True, slots=True)
class Twin:
    """An asset whose size and ends are those of a file; ``is_certain`` when all bytes are."""

    id: int
    is_certain: bool


class TwinFinder:
    """Compares an open file with the library. Reads whole files where their ends agree: it belongs into a thread."""

    def __init__(self, database: Database, root: MediaRoot) -> None:
        self._duplicates = Duplicates(database)
        self._root = root

    def look(self, descriptor: int, *, but: int) -> Twin | None:
        """Return an asset outside of the trash, other than ``but``, that has the same bytes, or may have them.

        Larger files are not read here: they are hashed by a job of the worker, which notes what it finds.
        """
        if os.fstat(descriptor).st_size <= AT_ONCE_BYTES:
            asset = self.find(descriptor, but=but)
            return Twin(asset.id, is_certain=True) if asset else None
        others = [number for number in self._duplicates.alike(quick_hash(descriptor)) if number != but]
        return Twin(others[0], is_certain=False) if others else None

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
