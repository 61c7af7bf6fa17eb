"""Recognising files that were moved or renamed.

A rename keeps inode, size and time. A move to another disk (copied, then deleted) keeps the content: then the size
leads to candidates and the quick hash decides. An asset whose old path still has a file has not moved; that is a copy.
"""

import os

from services.backend.app.models.scan_store import Lost, ScanStore, SeenFile
from services.backend.app.services.content_hash import quick_hash
from services.backend.app.services.media_root import MediaRoot, PathRejected, closed


class Moves:
    """Those of one scan."""

    def __init__(self, root: MediaRoot, scans: ScanStore) -> None:
        self._root = root
        self._scans = scans
        self._moved: set[int] = set()

    def is_one(self, seen: SeenFile) -> bool:
        """Whether a file at a new path is that of a known asset, which then has the new path."""
        candidates = self._scans.candidates(seen)
        if not candidates:
            return False
        lost = self._whose(seen, [lost for lost in candidates if not self._is_there(lost.path)])
        if lost is None or not self._scans.move(lost, seen):
            return False
        self._moved.add(lost.id)
        return True

    def without_moved(self, missing: list[int]) -> list[int]:
        """Return the ids whose file was not found elsewhere."""
        return [number for number in missing if number not in self._moved]

    def _whose(self, seen: SeenFile, lost: list[Lost]) -> Lost | None:
        for one in lost:
            if (one.inode, one.size, one.mtime_ns) == (seen.inode, seen.size, seen.mtime_ns):
                return one
        hashed = [one for one in lost if one.quick_hash]
        mark = self._quick_hash(seen.path) if hashed else None
        return next((one for one in hashed if mark is not None and one.quick_hash == mark), None)

    def _quick_hash(self, path: str) -> str | None:
        try:
            descriptor = self._root.open(path)
        except (PathRejected, OSError):
            return None
        try:
            return quick_hash(descriptor)
        except OSError:
            return None
        finally:
            closed(descriptor)

    def _is_there(self, path: str) -> bool:
        root, inner = self._root.place_of(path)
        return os.path.lexists(os.path.join(root.folder, inner))
