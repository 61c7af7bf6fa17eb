"""Recognising files that were moved or renamed.

A rename keeps inode, size and time. A move to another disk (copied, then deleted) keeps the content: then the size
leads to candidates and the quick hash decides. An asset whose old path still has a file has not moved; that is a copy.
The same holds between two roots, where the old place has to be there as well (:mod:`whereabouts`).
"""

from posixpath import basename

from services.backend.app.models.move_store import Lost, MoveStore
from services.backend.app.models.seen_file import SeenFile
from services.backend.app.services.content_hash import quick_hash
from services.backend.app.services.media_root import MediaRoot, PathRejected, closed

from .whereabouts import Whereabouts


class Moves:
    """Those of one scan."""

    def __init__(self, root: MediaRoot, store: MoveStore, whereabouts: Whereabouts) -> None:
        self._root = root
        self._store = store
        self._whereabouts = whereabouts
        self._moved: set[int] = set()

    def is_one(self, seen: SeenFile) -> bool:
        """Whether a file at a new path is that of a known asset, which then has the new path."""
        lost = self._from_here(seen) or self._from_elsewhere(seen)
        if lost is None or not self._store.move(lost, seen):
            return False
        self._moved.add(lost.id)
        return True

    def without_moved(self, missing: list[int]) -> list[int]:
        """Return the ids whose file was not found elsewhere."""
        return [number for number in missing if number not in self._moved]

    def _from_here(self, seen: SeenFile) -> Lost | None:
        lost = [one for one in self._store.candidates(seen) if self._whereabouts.is_gone(one.path)]
        for one in lost:
            if (one.inode, one.size, one.mtime_ns) == (seen.inode, seen.size, seen.mtime_ns):
                return one
        # A file that was renamed stays in the trash; one that was put there again is new.
        hashed = [one for one in lost if one.quick_hash and not one.is_trashed]
        mark = self._quick_hash(seen.path) if hashed else None
        return next((one for one in hashed if mark is not None and one.quick_hash == mark), None)

    def _from_elsewhere(self, seen: SeenFile) -> Lost | None:
        if not self._root.reserved:
            return None  # there is no other root
        renamed = self._first_that_left(self._store.renamed_elsewhere(seen))
        if renamed is not None or not self._store.has_size_elsewhere(seen.size):
            return renamed
        mark = self._quick_hash(seen.path)
        alike = self._store.alike_elsewhere(seen.size, mark) if mark is not None else []
        # Of several with one content, the one that was called the same.
        return self._first_that_left(sorted(alike, key=lambda one: basename(one.path) != basename(seen.path)))

    def _first_that_left(self, candidates: list[Lost]) -> Lost | None:
        return next((one for one in candidates if self._whereabouts.has_left(one)), None)

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
